"""Moving a loop into a function of its own, where ``restrict`` survives.

gcc outlines the body of an OpenMP loop itself and loses ``restrict`` on the way: the body then goes unvectorised. So
the loop goes into a noinline function with ``restrict`` parameters, which takes the range it shall run over, and only
the call stands in the parallel loop.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from warploom.errors import NotApplicable
from warploom.propose.moves.cpp.nests import Statements, raw_local, scalar_type
from warploom.propose.moves.cpp.threads.races import (
    Declared,
    is_scalar,
    may_be_private,
    outside,
    reductions,
    refuse_races,
)
from warploom.syntax.cpp.query import (
    Place,
    names_declared,
    names_read,
    names_written,
    pointer_roots,
)
from warploom.syntax.cpp.tree import (
    Declare,
    Expression,
    Function,
    Loop,
    Name,
    Parameter,
    RawExpression,
    RawStatement,
    Return,
    Statement,
)
from warploom.syntax.cpp.walk import all_parts, walk

_RESTRICT = "__restrict__"
_LEAVES = re.compile(r"\b(return|goto|break)\b")


@dataclass(frozen=True)
class Outline:
    """What an outlined loop needs.

    Attributes:
        parameters: of the new function, the range left out.
        arguments: what the call passes for them.
        private: declarations that move into the new function.
        sums: accumulators that outlive the loop: name → operator, ``"+="``, ``"max"`` or ``"min"``.
    """

    parameters: tuple[Parameter, ...]
    arguments: tuple[Expression, ...]
    private: Statements
    sums: Mapping[str, str]


def outline(place: Place) -> Outline:
    """What it takes to run the iterations of this loop in any order, in another function.

    Raises:
        NotApplicable: iterations plainly depend on one another, or a name cannot be passed on.
    """
    function, loop = place.function, place.loop
    if "template" in function.prefix:
        raise NotApplicable(f"{function.name} is a template")
    whole: Statements = (loop,)
    _refuse_jumps(loop)
    known = _declared_outside(function, loop)
    mentioned = (names_read(whole) | names_written(whole)) - names_declared(whole)
    written = names_written(loop.body) - names_declared(whole)
    sums = reductions(loop, {name for name in written if is_scalar(known.get(name))})
    refuse_races(place, written - set(sums), known)
    parameters: list[Parameter] = []
    arguments: list[Expression] = []
    private: list[Statement] = []
    for name in sorted(mentioned):
        declared = known.get(name)
        if declared is None:
            continue  # a macro, a constant or function at file scope: visible there too
        if name in sums:
            parameters.append(Parameter(scalar_type(_kind(declared)), name))
            arguments.append(Name(name))
        elif name in written and not isinstance(declared, Parameter) and may_be_private(name, declared, place):
            private.append(declared)
        else:
            parameter, argument = _passed(name, declared, name in written)
            parameters.append(parameter)
            arguments.append(argument)
    needed = {name for statement in private for name in names_read((statement,))} - mentioned
    for name in sorted(needed - {parameter.name for parameter in parameters}):
        if name in known:
            parameter, argument = _passed(name, known[name], False)
            parameters.append(parameter)
            arguments.append(argument)
    _refuse_aliases(function, parameters, written)
    return Outline(tuple(parameters), tuple(arguments), tuple(private), sums)


def _declared_outside(function: Function, loop: Loop) -> dict[str, Declared]:
    found: dict[str, Declared] = {parameter.name: parameter for parameter in function.parameters}
    inner = {id(statement) for statement in walk((loop,))}
    for statement in walk(function.body):
        if id(statement) in inner:
            continue
        match statement:
            case Declare():
                found[statement.name] = statement
            case Loop():
                found[statement.variable] = statement
            case RawStatement():
                local = raw_local(statement)
                if local is not None:
                    found[local.group(2)] = statement
    return found


def _kind(declared: Declared) -> str:
    return "" if isinstance(declared, RawStatement) else declared.type


def _refuse_jumps(loop: Loop) -> None:
    for statement in walk(loop.body):
        if isinstance(statement, Return) or (isinstance(statement, RawStatement) and _LEAVES.search(statement.text)):
            raise NotApplicable(f"the loop over {loop.variable} may be left early")
        if any("omp" in pragma for pragma in getattr(statement, "pragmas", ()) if "simd" not in pragma):
            raise NotApplicable(f"there is a parallel loop inside the one over {loop.variable}")


def _refuse_aliases(function: Function, parameters: list[Parameter], written: set[str]) -> None:
    """Two ``restrict`` pointers into one array, one of them written through, would be a lie."""
    roots = pointer_roots(function)
    behind: dict[str, list[str]] = {}
    for parameter in parameters:
        if parameter.type.endswith(_RESTRICT):
            behind.setdefault(roots.get(parameter.name, parameter.name), []).append(parameter.name)
    for root, names in behind.items():
        if len(names) > 1 and written & set(names):
            raise NotApplicable(f"{' and '.join(names)} both point into {root}")


# ---------------------------------------------------------------- passing on


def _passed(name: str, declared: Declared, written: bool) -> tuple[Parameter, Expression]:
    match declared:
        case RawStatement():
            local = raw_local(declared)
            kind = local.group(1).removeprefix("std::vector<").removesuffix(">") if local else ""
            const = "" if written else "const "
            return Parameter(f"{const}{kind}* {_RESTRICT}", name), RawExpression(f"{name}.data()")
        case Declare(kind, _, _, (_,)):
            const = "" if written else "const "
            return Parameter(f"{const}{scalar_type(kind)}* {_RESTRICT}", name), Name(name)
        case Declare(extents=(_, _, *_)):
            raise NotApplicable(f"{name} is an array of arrays")
    kind = re.sub(r"\s*\b__restrict(__)?\b", "", _kind(declared)).strip()
    if kind.endswith("*"):
        return Parameter(f"{kind} {_RESTRICT}", name), Name(name)
    if kind.endswith(("&", "* const")) or "auto" in kind.split():
        raise NotApplicable(f"{name} of type {kind} cannot be passed on")
    if written:
        raise NotApplicable(f"{name} is changed by every iteration")
    return Parameter(scalar_type(kind), name), Name(name)


def mentions_vector(place: Place) -> bool:
    """Whether the loop calls a method of a vector from outside (``v.size()``), which a pointer has not."""
    names = {found.group(2) for s in outside(place) if (found := raw_local(s)) is not None}
    return bool(names) and any(
        isinstance(part, RawExpression) and any(f"{name}." in part.text for name in names)
        for part in all_parts((place.loop,))
    )
