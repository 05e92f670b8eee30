"""What one pass computes and a later one needs again: store it, keep it in a buffer, or compute it afresh."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from warploom.errors import NotApplicable
from warploom.propose.moves.cpp.nests import Statements
from warploom.propose.moves.cpp.passes.common import (
    Passes,
    dear_parts,
    is_dear,
    later_passes,
    need,
    replace_element,
    replace_part,
    swapped,
    unchanged,
    value_type,
    visible_before,
)
from warploom.propose.moves.cpp.passes.fold import FoldPass
from warploom.propose.moves.cpp.passes.hoist import Hoist
from warploom.propose.moves.cpp.planned import loops_for
from warploom.propose.moves.protocol import Move, Phase, Site
from warploom.syntax.cpp.affine import ONE, distance, stride, subtract
from warploom.syntax.cpp.query import (
    all_names,
    assigned_once,
    declaration_of,
    fresh,
    names_in,
    names_read,
    names_written,
    pointer_roots,
    root_name,
    uses,
)
from warploom.syntax.cpp.tree import (
    Assign,
    Declare,
    Expression,
    Function,
    Index,
    Name,
    Statement,
    Unit,
)
from warploom.syntax.cpp.walk import (
    bodies,
    expressions,
    map_statement,
    parts,
    substitute_in,
    walk,
)
from warploom.values.candidate import Scalar


def _common(passes: Passes) -> tuple[int, Expression]:
    """Where the first pass computes something dear that the second computes too, and what."""
    again = {part for statement in walk(passes.body) for part in dear_parts(statement)}
    for number, statement in enumerate(passes.first.body):
        for part in dear_parts(statement):
            if part in again and unchanged(part, passes):
                return number, part
    raise NotApplicable("the two passes compute nothing dear in common")


def _shared(unit: Unit, label: str) -> tuple[Passes, int, Expression]:
    for passes in later_passes(unit, label):
        try:
            return passes, *_common(passes)
        except NotApplicable:
            continue
    raise NotApplicable(f"no later pass computes what the one over {label} does")


def _kept(passes: Passes, number: int, value: Expression, element: Expression, name: str) -> Statements:
    """The first pass's body with the value in a local, stored to the element."""
    kind = value_type(value, passes.function)
    need(kind is not None, "the type of the common expression cannot be told")
    body = passes.first.body
    rest = replace_part(body[number:], value, Name(name))
    return (*body[:number], Declare(f"const {kind}", name, value), Assign(element, "=", Name(name)), *rest)


class StoreToOutput:
    """What an earlier pass computes is stored to the output element the later pass writes, and read from there.

    Softmax: the sum pass stores ``exp(x - max)``, the last pass only scales it.
    """

    name = "store_to_output"
    phase = Phase.ALGEBRA

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Loops with a dear expression that a later loop over the same range repeats to write an element."""
        return loops_for(self, unit)

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """See the class."""
        passes, number, value = _shared(unit, label)
        target = _target(passes, value)
        name = fresh("kept", all_names(passes.function))
        first = _kept(passes, number, value, target, name)
        second = replace_part(passes.body, value, target)
        loop = replace(passes.first, body=first)
        return swapped(unit, passes, (loop,), (passes.second_with(second),))


def _target(passes: Passes, value: Expression) -> Index:
    """The element the second pass writes from the value, if nothing else touches its array."""
    function = passes.function
    roots = pointer_roots(function)
    for statement in passes.body:
        match statement:
            case Assign(Index() as target, "=", written) if value in set(
                parts(_inlined(written, passes.body, function))
            ):
                root = roots.get(root_name(target) or "", root_name(target))
                touched = names_read((passes.first, *passes.between)) | names_written((passes.first, *passes.between))
                touched |= {roots[other] for other in touched if other in roots}
                same_type = value_type(target, function) == value_type(value, function)
                fits = visible_before(target, passes) and unchanged(target.index, passes)
                dense = stride(target, passes.first.variable, function) == ONE
                if root not in touched and fits and same_type and dense:
                    return target
    raise NotApplicable("the later pass writes no element that could hold the value")


def _inlined(expression: Expression, body: Statements, function: Function) -> Expression:
    """The expression with the locals of the body that are assigned once written out."""
    for statement in reversed(body):
        match statement:
            case Declare(_, name, value, ()) if value is not None and assigned_once(name, function):
                expression = substitute_in(expression, {name: value})
    return expression


class Buffer:
    """As :class:`StoreToOutput`, into a local buffer as long as the range, where no output element fits."""

    name = "cse_to_buffer"
    phase = Phase.ALGEBRA

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Loops with a dear expression that a later loop over the same range repeats."""
        return loops_for(self, unit)

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """See the class."""
        passes, number, value = _shared(unit, label)
        first = passes.first
        taken = all_names(passes.function)
        name, buffer = fresh("kept", taken), fresh("buffer", taken)
        element = Index(Name(buffer), subtract(Name(first.variable), first.lower))
        kind = value_type(value, passes.function)
        loop = replace(first, body=_kept(passes, number, value, element, name))
        room = Declare(str(kind), buffer, None, (subtract(first.upper, first.lower),))
        second = passes.second_with(replace_part(passes.body, value, element))
        return swapped(unit, passes, (room, loop), (second,))


class Recompute:
    """The inverse: a later pass computes what an earlier one stored, and the store goes when nothing else reads it."""

    name = "recompute"
    phase = Phase.ALGEBRA

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Loops that store an element which a later loop over the same range reads."""
        return loops_for(self, unit)

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """See the class."""
        for passes in later_passes(unit, label):
            for statement in passes.first.body:
                match statement:
                    case Assign(Index() as target, "=", written):
                        value = _inlined(written, passes.first.body, passes.function)
                        if _may_recompute(target, value, passes):
                            return self._changed(unit, passes, statement, target, value)
        raise NotApplicable("no later pass reads what this one stores")

    def _changed(self, unit: Unit, passes: Passes, store: Assign, target: Index, value: Expression) -> Unit:
        body = tuple(_reading(statement, target, value) for statement in passes.body)
        first = passes.first
        if self._overwritten(target, body, passes):
            first = replace(first, body=_without_dead(tuple(s for s in first.body if s is not store)))
        return swapped(unit, passes, (first,) if first.body else (), (passes.second_with(body),))

    def _overwritten(self, target: Index, body: Statements, passes: Passes) -> bool:
        """Whether nobody reads the element before the second pass writes it, or nobody reads the array at all."""
        name = root_name(target) or ""
        if _reads_array((*passes.first.body, *passes.between, *body), name):
            return False
        if any(isinstance(s, Assign) and s.op == "=" and s.target == target for s in body):
            return True
        declared = declaration_of(name, passes.function)
        loops = {id(inner) for loop in (passes.first, passes.second) for inner in walk((loop,))}
        others = [s for s in walk(passes.function.body) if id(s) not in loops and not bodies(s)]
        return declared is not None and bool(declared.extents) and not _reads_array(tuple(others), name)


def _without_dead(body: Statements) -> Statements:
    """The body without declarations that nothing after them uses."""
    kept: list[Statement] = []
    for statement in reversed(body):
        if not isinstance(statement, Declare) or uses(kept, statement.name):
            kept.insert(0, statement)
    return tuple(kept)


def _values(statement: Statement) -> tuple[Expression, ...]:
    """The expressions of a statement that are read; of an element that ``=`` writes, its index."""
    match statement:
        case Assign(Index(_, index), "=", value):
            return (index, value)
        case _:
            return expressions(statement)


def _reads_array(statements: Statements, name: str) -> bool:
    return any(name in names_in(expression) for s in walk(statements) for expression in _values(s))


def _may_recompute(target: Index, value: Expression, passes: Passes) -> bool:
    root = root_name(target)
    reads = any(
        isinstance(part, Index) and part.base == target.base and distance(part.index, target.index) == 0
        for statement in passes.body
        for expression in _values(statement)
        for part in parts(expression)
    )
    return reads and root not in names_in(value) and is_dear(value) and unchanged(value, passes)


def _reading(statement: Statement, target: Index, value: Expression) -> Statement:
    match statement:
        case Assign(place_, op, written) if op == "=":
            return Assign(place_, op, replace_element(written, target, value))
        case _:
            return map_statement(statement, lambda part: replace_element(part, target, value))


MOVES: tuple[Move, ...] = (StoreToOutput(), Buffer(), Recompute(), FoldPass(), Hoist())
