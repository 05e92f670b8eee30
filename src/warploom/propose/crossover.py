"""Two parents → one candidate.

Parents that grew from the same root exchange steps of their recipes. Others exchange parts of their syntax trees,
typed: a function for one of the same name, result and parameters; a loop for one of the same label whose free names
mean the same in both places. ``TUNE`` values both declare may come from either.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from warploom.errors import NothingToPropose
from warploom.propose.cross_texts import cross_texts
from warploom.propose.moves.verbatim import text_of, unit_of
from warploom.syntax import tune
from warploom.syntax.cpp.query import (
    all_loops,
    find_loop,
    names_declared,
    names_read,
    names_written,
    replace_loop,
    type_of,
)
from warploom.syntax.cpp.render import render
from warploom.syntax.cpp.tree import Call, Function, RawItem, Unit
from warploom.syntax.cpp.walk import all_parts, with_function
from warploom.values.candidate import Candidate, Scalar, Step

IDENTIFIER = re.compile(r"[A-Za-z_]\w*")


def cross_recipes(first: Sequence[Step], second: Sequence[Step], rng: random.Random) -> tuple[Step, ...]:
    """Steps of both: shared ones with either's parameters, the others by the toss of a coin.

    Raises:
        NothingToPropose: the recipes are the same.
    """
    if tuple(first) == tuple(second):
        raise NothingToPropose("both parents have the same recipe")
    others = {(step.move, step.site): step for step in second}
    child: list[Step] = []
    for step in first:
        twin = others.pop((step.move, step.site), None)
        if twin is not None:
            child.append(rng.choice((step, twin)))
        elif rng.random() < 0.7:
            child.append(step)
    child.extend(step for step in others.values() if rng.random() < 0.5)
    return tuple(child)


def cross_trees(first: Unit, second: Unit, rng: random.Random) -> Unit:
    """The first parent with one function or loop of the second in the place of its own.

    Of languages that are kept as text, see :mod:`warploom.syntax.dialect`, only functions are exchanged.

    Raises:
        NothingToPropose: no part of one fits into the other.
    """
    if text_of(first) and text_of(second):
        return unit_of(cross_texts(text_of(first), text_of(second), rng))
    grafts = [*_functions(first, second), *_loops(first, second)]
    if not grafts:
        raise NothingToPropose("no function or loop of one parent fits into the other")
    return rng.choice(grafts)


def cross_parameters(
    first: Candidate, second: Candidate, source: str, rng: random.Random
) -> tuple[tuple[str, Scalar], ...]:
    """Values for the ``TUNE`` lines of ``source``: each from either parent where both set it."""
    own, other = dict(first.parameters), dict(second.parameters)
    chosen: dict[str, Scalar] = {}
    for line in tune.declared(source):
        values = [values[line.name] for values in (own, other) if values.get(line.name) in line.choices]
        if values:
            chosen[line.name] = rng.choice(values)
    return tuple(sorted(chosen.items()))


def _functions(first: Unit, second: Unit) -> Iterator[Unit]:
    """The first unit with a function of the second, one unit for each that fits."""
    donors = {_type(item): item for item in second.functions}
    known = {item.name for item in first.functions}
    for item in first.functions:
        donor = donors.get(_type(item))
        if donor is not None and donor != item and _called(donor, second) <= known:
            yield _with_definitions(with_function(first, donor), second)


def _type(function: Function) -> tuple[str, ...]:
    return (function.name, function.result, *(parameter.type for parameter in function.parameters))


def _called(function: Function, unit: Unit) -> set[str]:
    """Functions of the unit that this one calls."""
    calls = {part.function for part in all_parts(function.body) if isinstance(part, Call)}
    return calls & {item.name for item in unit.functions}


def _loops(first: Unit, second: Unit) -> Iterator[Unit]:
    """The first unit with a loop of the second in the place of the one with its label."""
    known = {item.name for item in first.functions}
    for place in all_loops(first):
        label = f"{place.function.name}:{place.loop.variable}"
        donor = find_loop(second, label)
        if donor is None or donor.loop == place.loop:
            continue
        graft = (donor.loop,)
        free = (names_read(graft) | names_written(graft)) - names_declared(graft)
        calls = {part.function for part in all_parts(graft) if isinstance(part, Call)}
        missing = (calls & {item.name for item in second.functions}) - known
        if not missing and all(type_of(name, place.function) == type_of(name, donor.function) for name in free):
            yield _with_definitions(replace_loop(first, label, graft), second)


def _with_definitions(child: Unit, donor: Unit) -> Unit:
    """The child with the donor's verbatim items (types, macros, support code) that it now mentions and lacks."""
    words = set(IDENTIFIER.findall(render(child)))
    own = {item for item in child.items if isinstance(item, RawItem)}
    lacking = tuple(
        item
        for item in donor.items
        if isinstance(item, RawItem) and item not in own and not words.isdisjoint(IDENTIFIER.findall(item.text))
    )
    return replace(child, items=(*lacking, *child.items))
