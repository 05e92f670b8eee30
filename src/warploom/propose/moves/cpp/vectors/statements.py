"""The statements of one iteration of a loop, rewritten for sixteen."""

from __future__ import annotations

from dataclasses import dataclass

from warploom.errors import NotApplicable
from warploom.propose.moves.cpp.folds import update_of
from warploom.propose.moves.cpp.vectors.body import FLOATS, Lanes, bare
from warploom.syntax.cpp.affine import ONE, coefficient, is_integer, stride
from warploom.syntax.cpp.tree import (
    Assign,
    Binary,
    Block,
    Comment,
    Declare,
    Expression,
    If,
    Loop,
    Name,
    RawExpression,
    Statement,
    Ternary,
    Unary,
)
from warploom.syntax.cpp.walk import Statements


@dataclass
class Body(Lanes):
    """:class:`Lanes` for statements.

    Attributes:
        tail: the mask of the lanes that are left, in the tail of a loop.
        folds: scalars that outlive the loop: in its tail only the lanes that are left may count for them.
    """

    tail: Expression | None = None
    folds: frozenset[str] = frozenset()

    def statements(self, body: Statements, mask: Expression | None = None) -> list[Statement]:
        """The body for sixteen lanes; with a mask, only for those where it is on."""
        made: list[Statement] = []
        for statement in body:
            made += self._statement(statement, mask)
        return made

    def _statement(self, statement: Statement, mask: Expression | None) -> list[Statement]:
        match statement:
            case Comment():
                return [statement]
            case Declare():
                return [self._declare(statement)]
            case Assign():
                return [self._assign(statement, mask)]
            case Block(body, ()):
                return [Block(tuple(self.statements(body, mask)))]
            case Loop(variable, lower, upper, body, step, kind):
                if any(self.varies(bound) for bound in (lower, upper, step)):
                    raise NotApplicable(f"the trip count of {variable} differs between the lanes")
                return [Loop(variable, lower, upper, tuple(self.statements(body, mask)), step, kind)]
            case If():
                return self._if(statement, mask)
            case _:
                raise NotApplicable("a statement that has no vector form")

    def _declare(self, declared: Declare) -> Declare:
        if declared.name not in self.varying:
            return declared
        kind = bare(declared.type)
        constant = "const " if "const" in declared.type.split() and declared.value is not None else ""
        if "*" in declared.type or (is_integer(declared.name, self.function) and kind != "auto"):
            if coefficient(Name(declared.name), self.variable, self.function) is None:
                raise NotApplicable(f"{declared.name} is not affine in {self.variable}")
            return declared
        if kind == "bool" and declared.value is not None:
            self.used.add("i32x16")
            return Declare(f"{constant}i32x16", declared.name, self.mask(declared.value))
        if kind not in FLOATS:
            raise NotApplicable(f"no vector of {declared.type}")
        if declared.extents:
            if isinstance(declared.value, RawExpression) and declared.value.text.strip("{}0.f ") == "":
                return Declare("f32x16", declared.name, RawExpression("{}"), declared.extents)
            if declared.value is not None:
                raise NotApplicable("an array with initial values")
            return Declare("f32x16", declared.name, None, declared.extents)
        return Declare(
            f"{constant}f32x16", declared.name, None if declared.value is None else self.value(declared.value)
        )

    def _assign(self, assign: Assign, mask: Expression | None) -> Statement:
        target, op, value = assign.target, assign.op, assign.value
        if isinstance(target, Name) and target.text not in self.varying:
            return assign
        update = update_of(assign)
        if isinstance(target, Name):
            if is_integer(target.text, self.function):
                raise NotApplicable(f"{target.text} is an integer that the lanes would share")
            if update is not None and op == "=" and update.kind not in ("sum", "product"):
                return self._set(target, self.extreme(update.kind, target, update.value), mask)
            return self._set_by(target, op, value, mask)
        if self.private(target):
            return self._set_by(target, op, value, mask)
        if self.element(self.root(target)) != "float" or stride(target, self.variable, self.function) != ONE:
            raise NotApplicable(f"a store that is not contiguous in {self.variable}")
        if self.guarded:
            raise NotApplicable("a store behind a check of its position")
        address = self.address(target)
        stored = self.value(value)
        if op != "=":
            stored = Binary(op[:-1], self.load(address), stored)
        if mask is not None:
            stored = Ternary(mask, stored, self.load(address))
        return self.store(address, stored)

    def _set_by(self, target: Expression, op: str, value: Expression, mask: Expression | None) -> Statement:
        made = self.value(value)
        if mask is None and self._for_all(target):
            return Assign(target, op, made)
        return self._set(target, made if op == "=" else Binary(op[:-1], target, made), mask)

    def _set(self, target: Expression, value: Expression, mask: Expression | None) -> Statement:
        if not self._for_all(target) and self.tail is not None:
            mask = self.tail if mask is None else Binary("&", mask, self.tail)
        return Assign(target, "=", value if mask is None else Ternary(mask, value, target))

    def _for_all(self, target: Expression) -> bool:
        return self.tail is None or not (isinstance(target, Name) and target.text in self.folds)

    def _if(self, statement: If, mask: Expression | None) -> list[Statement]:
        if not self.varies(statement.condition):
            then, otherwise = (tuple(self.statements(b, mask)) for b in (statement.then, statement.otherwise))
            return [If(statement.condition, then, otherwise)]
        update = update_of(statement)
        if update is not None and update.name in self.varying:
            target = Name(update.name)
            return [self._set(target, self.extreme(update.kind, target, update.value), mask)]
        self.used.add("i32x16")
        name = Name(self.fresh("on"))
        chosen = self.mask(statement.condition)
        made: list[Statement] = [
            Declare("const i32x16", name.text, chosen if mask is None else Binary("&", mask, chosen))
        ]
        before, self.guarded = self.guarded, self.guarded or self.by_position(statement.condition)
        made += self.statements(statement.then, name)
        if statement.otherwise:
            off: Expression = Unary("~", name)
            made += self.statements(statement.otherwise, off if mask is None else Binary("&", mask, off))
        self.guarded = before
        return made
