"""Statements of one loop iteration rewritten to do several vectors of sixteen iterations at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from warploom.errors import NotApplicable
from warploom.propose.moves.cpp.nests import Statements, element_type, mentions, scalar_type, varying
from warploom.propose.moves.cpp.vectors.calls import VECTOR_CALLS
from warploom.syntax.cpp.affine import ONE, ZERO, add, number, simplify, stride
from warploom.syntax.cpp.query import fresh, names_declared, names_in
from warploom.syntax.cpp.render import render_expression
from warploom.syntax.cpp.tree import (
    Assign,
    Binary,
    Block,
    Call,
    Cast,
    Declare,
    Evaluate,
    Expression,
    Function,
    If,
    Index,
    Loop,
    Name,
    Number,
    Statement,
    Ternary,
    Unary,
)
from warploom.syntax.cpp.walk import substitute_in

LANES = 16
VECTOR = "f32x16"
_LOADED = ("float", "int8_t", "uint8_t", "int", "int32_t")
_LARGER = ("std::max", "std::max<float>", "fmaxf", "std::fmax", "fmax")
_SMALLER = ("std::min", "std::min<float>", "fminf", "std::fmin", "fmin")


@dataclass
class Lanes:
    """Rewrites statements over ``variable`` for ``vectors`` vectors of :data:`LANES` lanes.

    Attributes:
        function: where types are looked up.
        variable: the loop variable whose iterations become lanes.
        vectors: vectors side by side.
        taken: names in use; fresh ones are added.
        totals: scalar accumulator → name of its vector; ``a += e`` of these adds lane by lane.
        used: support functions that the rewritten statements call.
    """

    function: Function
    variable: str
    vectors: int
    taken: set[str]
    totals: Mapping[str, str] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    _names: set[str] = field(default_factory=set)
    _kept: dict[str, str] = field(default_factory=dict)
    _made: list[Statement] = field(default_factory=list)

    def rewrite(self, statements: Statements) -> Statements:
        """The statements for all lanes.

        Raises:
            NotApplicable: something in them cannot be done lane by lane.
        """
        self._names = varying(statements, self.variable) | set(self.totals)
        carried = self._names - names_declared(statements) - set(self.totals) - {self.variable}
        if carried:
            raise NotApplicable(f"{sorted(carried)[0]} is carried from one iteration to the next")
        return self._list(statements)

    def _list(self, statements: Statements) -> Statements:
        outside, kept = self._made, self._kept
        self._made, self._kept = [], {}
        for statement in statements:
            self._one(statement)
        made, self._made, self._kept = tuple(self._made), outside, kept
        return made

    def _one(self, statement: Statement) -> None:
        if not mentions(statement, self._names):
            self._made.append(statement)
            self._kept.clear()
            return
        match statement:
            case Declare(kind, name, value, ()) if scalar_type(kind) == "float" or (
                kind in ("auto", "const auto") and value is not None
            ):
                for v in range(self.vectors):
                    made = None if value is None else self._vector(value, v)
                    const = "const " if kind.startswith("const") else ""
                    self._made.append(Declare(f"{const}{VECTOR}", self._own(name, v), made))
            case Assign(Name(name), op, value) if name in self.totals and op in ("+=", "-="):
                for v in range(self.vectors):
                    self._made.append(Assign(Name(self._total(name, v)), op, self._vector(value, v)))
            case Assign(Name(name), op, value) if name not in self.totals:
                for v in range(self.vectors):
                    self._made.append(Assign(Name(self._own(name, v)), op, self._vector(value, v)))
            case Assign(Index() as target, op, value):
                self._store(target, op, value)
                self._kept.clear()
            case Loop(variable, lower, upper, body) if variable not in self._names and not (
                (names_in(lower) | names_in(upper)) & self._names
            ):
                self._made.append(replace(statement, body=self._list(body)))
                self._kept.clear()
            case If(condition, then, otherwise) if not names_in(condition) & self._names:
                self._made.append(If(condition, self._list(then), self._list(otherwise)))
                self._kept.clear()
            case If(condition, (Assign(Name(name), "=", value),), ()) if name not in self.totals:
                for v in range(self.vectors):
                    own = Name(self._own(name, v))
                    chosen = Ternary(self._vector(condition, v), self._vector(value, v), own)
                    self._made.append(Assign(own, "=", chosen))
            case Block(body):
                self._made.append(replace(statement, body=self._list(body)))
                self._kept.clear()
            case _:
                raise NotApplicable(f"cannot do lane by lane: {type(statement).__name__} with {self.variable}")

    # ------------------------------------------------------------ expressions

    def _own(self, name: str, v: int) -> str:
        return f"{name}_v{v}" if self.vectors > 1 else f"{name}_v"

    def _total(self, name: str, v: int) -> str:
        return f"{self.totals[name]}{v}" if self.vectors > 1 else self.totals[name]

    def at(self, expression: Expression, v: int, lane: Expression = ZERO) -> Expression:
        """A scalar expression at lane ``lane`` of vector ``v``."""
        place = add(add(Name(self.variable), number(v * LANES)), lane)
        return simplify(substitute_in(expression, {self.variable: place}))

    def _call(self, name: str, *arguments: Expression) -> Expression:
        self.used.add(name)
        return Call(name, arguments)

    def _keep(self, value: Expression, wish: str) -> Expression:
        """A load or splat under a name of its own, made once in a run of statements without stores."""
        text = render_expression(value)
        if text not in self._kept:
            name = fresh(wish, self.taken)
            self._made.append(Declare(f"const {VECTOR}", name, value))
            self._kept[text] = name
        return Name(self._kept[text])

    def _vector(self, expression: Expression, v: int) -> Expression:
        if not names_in(expression) & self._names:
            value = self._call("splat16", expression)
            return self._keep(value, "each") if isinstance(expression, Index) else value
        match expression:
            case Name(name) if name in self.totals or name == self.variable:
                raise NotApplicable(f"{name} is needed as a number inside the loop over {self.variable}")
            case Name(name):
                return Name(self._own(name, v))
            case Index(Name(base), _):
                return self._load(expression, base, v)
            case Unary("-" | "!" as op, operand):
                return Unary(op, self._vector(operand, v))
            case Binary(op, left, right) if op not in ("%", "<<", ">>"):
                return Binary(op, self._vector(left, v), self._vector(right, v))
            case Ternary(condition, then, otherwise):
                return Ternary(self._vector(condition, v), self._vector(then, v), self._vector(otherwise, v))
            case Cast("float", operand):
                return self._vector(operand, v)
            case Call(name, (operand,)) if name in VECTOR_CALLS:
                return self._call(VECTOR_CALLS[name], self._vector(operand, v))
            case Call(name, (left, right)) if name in _LARGER + _SMALLER:
                return self._larger(name in _SMALLER, self._vector(left, v), self._vector(right, v))
            case _:
                raise NotApplicable(f"no vector form of {render_expression(expression)}")

    def _larger(self, smaller: bool, left: Expression, right: Expression) -> Expression:
        # As std::max(a, b), which is (a < b) ? b : a.
        first, second = self._named(left), self._named(right)
        test = Binary("<", second, first) if smaller else Binary("<", first, second)
        return Ternary(test, second, first)

    def _named(self, value: Expression) -> Expression:
        if isinstance(value, Name):
            return value
        name = fresh("term", self.taken)
        self._made.append(Declare(f"const {VECTOR}", name, value))
        return Name(name)

    def _load(self, access: Index, base: str, v: int) -> Expression:
        kind = element_type(base, self.function)
        if kind not in _LOADED or stride(access, self.variable, self.function) != ONE:
            raise NotApplicable(f"{render_expression(access)} is not contiguous in {self.variable}")
        moved = self.at(access, v)
        return self._keep(self._call("load16", address(moved)), "part")

    def _store(self, target: Index, op: str, value: Expression) -> None:
        base = target.base
        step = stride(target, self.variable, self.function)
        if not isinstance(base, Name) or element_type(base.text, self.function) != "float" or step in (None, ZERO):
            raise NotApplicable(f"{render_expression(target)} cannot be stored lane by lane")
        for v in range(self.vectors):
            made = self._vector(value, v)
            if step == ONE:
                if op != "=":
                    old = self._call("load16", address(self.at(target, v)))
                    made = Binary(op[0], old, made)
                self._made.append(Evaluate(self._call("store16", address(self.at(target, v)), made)))
                continue
            named = self._named(made)
            lane = fresh("lane", self.taken)
            put = Assign(self.at(target, v, Name(lane)), op, Index(named, Name(lane)))
            self._made.append(Loop(lane, ZERO, Number(str(LANES)), (put,)))


def address(access: Expression) -> Expression:
    """``x + i`` for ``x[i]``."""
    match access:
        case Index(base, index):
            return simplify(Binary("+", base, index))
        case _:
            return Unary("&", access)
