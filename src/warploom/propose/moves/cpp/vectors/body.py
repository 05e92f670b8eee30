"""The expressions of one iteration of a loop, rewritten for sixteen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from warploom.errors import NotApplicable
from warploom.propose.moves.cpp.folds import extreme, plain_name
from warploom.propose.moves.cpp.vectors.calls import VECTOR_CALLS
from warploom.syntax.cpp.affine import ONE, ZERO, coefficient, is_integer, simplify, stride
from warploom.syntax.cpp.query import names_in, root_name, type_of
from warploom.syntax.cpp.tree import (
    Binary,
    Call,
    Cast,
    Evaluate,
    Expression,
    Function,
    Index,
    Name,
    Number,
    RawExpression,
    Statement,
    Ternary,
    Unary,
)
from warploom.syntax.cpp.walk import children, parts

LOADABLE = frozenset({"float", "int8_t", "signed char", "uint8_t", "unsigned char", "int32_t", "int"})
FLOATS = frozenset({"float", "double", "auto"})
_COMPARISONS = frozenset({"<", ">", "<=", ">=", "==", "!="})

_EXTREMES: Mapping[str, str] = {"max": "fmax16", "min": "fmin16", "nanmax": "nanmax16", "nanmin": "nanmin16"}


def bare(kind: str) -> str:
    """A type without const, static, star and restrict: ``float`` of ``const float* __restrict__``."""
    words = kind.replace("*", " ").replace("&", " ").split()
    drop = {"const", "static", "__restrict__", "__restrict", "constexpr", "register", "volatile"}
    kept = [word for word in words if word not in drop and not word.startswith("alignas(")]
    return " ".join(word.removeprefix("std::") for word in kept)


def _outside_indices(expression: Expression) -> Iterator[Expression]:
    """The parts of an expression that are not inside an index."""
    yield expression
    if not isinstance(expression, Index):
        for child in children(expression):
            yield from _outside_indices(child)


@dataclass
class Lanes:
    """Rewrites for sixteen iterations of ``variable``.

    Attributes:
        function: the function the loop stands in.
        variable: the loop variable; in the result it holds the first lane's value.
        varying: names whose value differs between the lanes (:func:`varying_names`).
        gather: whether to load strided memory lane by lane.
        fresh: makes a name that is not in use yet.
        left: in the tail of a loop, how many lanes are left; only those are loaded and stored.
        used: support functions the result calls.
    """

    function: Function
    variable: str
    varying: frozenset[str]
    gather: bool
    fresh: Callable[[str], str]
    left: Expression | None = None
    used: set[str] = field(default_factory=lambda: {"f32x16"})
    guarded: bool = field(default=False, init=False)

    def make(self, name: str, *arguments: Expression) -> Call:
        """A call of a support function that the result will need."""
        self.used.add(name)
        return Call(name, arguments)

    # ------------------------------------------------------------ expressions

    def varies(self, expression: Expression) -> bool:
        """Whether the lanes may differ."""
        return bool(names_in(expression) & self.varying)

    def value(self, expression: Expression) -> Expression:
        """The sixteen values as an ``f32x16``."""
        if not self.varies(expression):
            return self.make("splat16", expression)
        if self.integral(expression):
            return self.make("float16", self.whole(expression))
        picked = extreme(expression)
        if picked is not None:
            return self.extreme(*picked)
        match expression:
            case Name(text):
                return Name(text)
            case Index() | Unary("*", _):
                return self._load(expression)
            case Unary("-", operand):
                return Unary("-", self.value(operand))
            case Binary("+" | "-" | "*" | "/" as op, left, right):
                return Binary(op, self.value(left), self.value(right))
            case Ternary(condition, then, otherwise):
                return self._choose(condition, then, otherwise)
            case Cast(kind, operand) if bare(kind) in ("float", "double"):
                return self.value(operand)
            case Call(function, arguments):
                return self._call(plain_name(function), arguments)
            case _:
                raise NotApplicable(f"no vector form of this: {expression}")

    def extreme(self, kind: str, first: Expression, second: Expression) -> Expression:
        """The larger or smaller of two; ``first`` stays where they do not compare (see :func:`~.folds.extreme`)."""
        return self.make(_EXTREMES[kind], self.value(first), self.value(second))

    def _choose(self, condition: Expression, then: Expression, otherwise: Expression) -> Expression:
        if not self.varies(condition):
            return Ternary(condition, self.value(then), self.value(otherwise))
        mask = self.mask(condition)
        with_guard, self.guarded = self.guarded, self.guarded or self.by_position(condition)
        made = Ternary(mask, self.value(then), self.value(otherwise))
        self.guarded = with_guard
        return made

    def _call(self, function: str, arguments: tuple[Expression, ...]) -> Expression:
        if function in VECTOR_CALLS and len(arguments) == 1:
            return self.make(VECTOR_CALLS[function], self.value(arguments[0]))
        if function in ("fmaf", "fma", "std::fma") and len(arguments) == 3:
            first, second, third = (self.value(argument) for argument in arguments)
            return Binary("+", Binary("*", first, second), third)
        raise NotApplicable(f"no vector form of {function}")

    def _load(self, access: Expression) -> Expression:
        if self.private(access):
            return access
        if self.guarded:
            raise NotApplicable("a load behind a check of its position")
        root = self.root(access)
        if self.element(root) not in LOADABLE:
            raise NotApplicable(f"{root} holds no floats")
        step = stride(access, self.variable, self.function)
        if step == ONE:
            return self.load(self.address(access))
        if step == ZERO:
            return self.make("splat16", access)
        if step is None or not self.gather or self.element(root) != "float":
            raise NotApplicable(f"{root} is not contiguous in {self.variable}")
        if self.left is not None:
            return self.make("gather_part16", self.address(access), step, self.left)
        return self.make("gather16", self.address(access), step)

    def load(self, address: Expression) -> Expression:
        """Sixteen elements, or those that are left."""
        if self.left is not None:
            return self.make("load_part16", address, self.left)
        return self.make("load16", address)

    def store(self, address: Expression, value: Expression) -> Statement:
        """As :meth:`load`."""
        if self.left is not None:
            return Evaluate(self.make("store_part16", address, value, self.left))
        return Evaluate(self.make("store16", address, value))

    def address(self, access: Expression) -> Expression:
        """Where the first lane's element lies."""
        match access:
            case Index(base, index):
                return simplify(Binary("+", base, index))
            case Unary("*", operand):
                return operand
            case _:
                raise NotApplicable("not a place in memory")

    def root(self, access: Expression) -> str:
        """The array, pointer or local behind an access."""
        name = root_name(access)
        if name is None:
            raise NotApplicable("no array behind this access")
        return name

    def element(self, name: str) -> str:
        """The type of its elements."""
        return bare(type_of(name, self.function) or "")

    def private(self, access: Expression) -> bool:
        """Whether this is an element of an array declared in the body, one for each lane."""
        match access:
            case Index(base, index):
                name = root_name(base)
                if name is None or name not in self.varying or "*" in (type_of(name, self.function) or ""):
                    return False
                if self.varies(index):
                    raise NotApplicable(f"the lanes use different elements of {name}")
                return True
        return False

    def integral(self, expression: Expression) -> bool:
        """Whether the value is an integer made of names and literals."""
        for part in parts(expression):
            match part:
                case Name(text):
                    if not is_integer(text, self.function) or bare(type_of(text, self.function) or "") == "auto":
                        return False
                case Number(text):
                    if not text.rstrip("uUlL").isdigit():
                        return False
                case Cast(kind, _):
                    if bare(kind) in ("float", "double"):
                        return False
                case Index() | Call() | RawExpression():
                    return False
        return True

    def whole(self, expression: Expression) -> Expression:
        """The sixteen values of an integer that is affine in the variable, as an ``i32x16``."""
        step = coefficient(expression, self.variable, self.function)
        if step is None:
            raise NotApplicable("an integer that is not affine in the variable")
        if step == ONE:
            return self.make("index16", expression)
        return Binary("+", Binary("*", self.make("index16", ZERO), Cast("int", step)), Cast("int", expression))

    def mask(self, condition: Expression) -> Expression:
        """The sixteen truth values as an ``i32x16`` of 0 and -1."""
        if not self.varies(condition):
            return self.make("mask16", condition)
        match condition:
            case Binary(op, left, right) if op in _COMPARISONS:
                if self.integral(left) and self.integral(right):
                    return Binary(op, self.whole(left), self.whole(right))
                return Binary(op, self.value(left), self.value(right))
            case Binary("&&" | "||" as op, left, right):
                return Binary(op[0], self.mask(left), self.mask(right))
            case Unary("!", operand):
                return Unary("~", self.mask(operand))
            case Name(text) if bare(type_of(text, self.function) or "") == "bool":
                return condition
            case Call(function, (argument,)) if "isnan" in function:
                value = self.value(argument)
                return Binary("!=", value, value)
            case _:
                raise NotApplicable(f"no vector form of this condition: {condition}")

    def by_position(self, condition: Expression) -> bool:
        """Whether a condition looks at where a lane is, not at what it holds: then it may keep a load in bounds."""
        return any(
            isinstance(part, Name) and part.text in self.varying and is_integer(part.text, self.function)
            for part in _outside_indices(condition)
        )
