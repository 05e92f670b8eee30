from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from warploom.propose.bandit import Bandit
from warploom.propose.moves.cpp.book import COMPOSITES, MOVES
from warploom.propose.moves.protocol import Phase, Site
from warploom.propose.mutate import Mutation, Mutations
from warploom.propose.opening import First, Opening
from warploom.propose.recipe import MOST_TO_BLOCK, Cookbook
from warploom.syntax.cpp.tree import Comment, Unit
from warploom.values.candidate import Candidate, Scalar, Step

SOURCE = """#include <cstdint>
extern "C" void twice(const float* x, float* out, int64_t n) {
    for (int64_t i = 0; i < n; ++i) {
        out[i] = 2.0f * x[i];
    }
}
"""
ROOT = Candidate("0" * 16, "cpp", (("twice.cpp", SOURCE),), "twice")


class Counting(Mutations):
    tried = 0

    def compose(self, *arguments: Any, **options: Any) -> Mutation:
        self.tried += 1
        return super().compose(*arguments, **options)


def opening() -> tuple[Opening, Counting]:
    cookbook = Cookbook(MOVES)
    mutations = Counting(cookbook, Bandit({}, learning=False))
    return Opening(ROOT, cookbook, mutations), mutations


def everything(one: Opening) -> list[First]:
    found: list[First] = []
    while (following := one.number(len(found) + 1)) is not None:
        found.append(following)
    return found


def test_a_composite_is_tried_when_its_turn_comes() -> None:
    one, mutations = opening()
    assert mutations.tried == 0
    assert one.number(1) is not None
    first = mutations.tried
    assert 0 < first < len(COMPOSITES)
    one.number(1)
    assert mutations.tried == first
    everything(one)
    assert mutations.tried == len(COMPOSITES)


def test_the_order_is_that_of_the_book_whoever_asks() -> None:
    first, second = opening()[0], opening()[0]
    found = everything(first)
    assert len(found) >= 2
    assert second.number(len(found)) == found[-1]
    assert everything(second) == found
    names = [composite.name for composite in COMPOSITES]
    assert [names.index(name) for name, _ in found] == sorted(names.index(name) for name, _ in found)


def test_results_are_distinct() -> None:
    cookbook = Cookbook(MOVES)
    units = [cookbook.replay(ROOT, steps).unit for _, steps in everything(opening()[0])]
    assert all(unit != other for index, unit in enumerate(units) for other in units[:index])


class Marking:
    """A move that counts how often it is asked and applied."""

    name = "mark"
    phase: Phase = Phase.POLISH

    def __init__(self) -> None:
        self.asked = self.applied = 0

    def sites(self, unit: Unit) -> Sequence[Site]:
        self.asked += 1
        return [Site("twice:i")]

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        self.applied += 1
        (function,) = unit.functions
        marked = replace(function, body=(Comment("// marked"), *function.body))
        return Unit(tuple(marked if item is function else item for item in unit.items))


def test_sites_are_looked_for_once_a_tree_and_an_attempt_is_not_made_twice() -> None:
    move = Marking()
    cookbook = Cookbook([move])
    root = cookbook.replay(ROOT, ())
    step = Step("mark", "twice:i")
    assert cookbook.sites("mark", root.unit) == cookbook.sites("mark", root.unit)
    assert cookbook.attempt(ROOT, root, step)
    assert cookbook.replay(ROOT, (step,)).steps == (step,)
    assert (move.asked, move.applied) == (1, 1)
    assert not cookbook.attempt(ROOT, root, Step("mark", "twice:j"))


def test_early_moves_are_not_even_looked_for_in_an_unrolled_source() -> None:
    move = Marking()
    move.phase = Phase.BLOCKING
    cookbook = Cookbook([move])
    many = SOURCE.replace("        out[i] = 2.0f * x[i];\n", "        out[i] = 2.0f * x[i];\n" * (MOST_TO_BLOCK + 1))
    unit = cookbook.replay(Candidate("0" * 16, "cpp", (("twice.cpp", many),), "twice"), ()).unit
    assert cookbook.sites("mark", unit) == ()
    assert move.asked == 0
