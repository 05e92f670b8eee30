"""Recipes: any steps on any root give a candidate or are dropped, and never touch what lies outside the evolve block."""

from __future__ import annotations

import random
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from warploom.errors import NotApplicable, SourceError
from warploom.problems.load import CATALOG
from warploom.propose.moves.cpp.book import MOVES
from warploom.propose.recipe import FLAGS_MOVE, Cookbook, materialise
from warploom.syntax import evolve_block
from warploom.syntax.cpp.parse import parse
from warploom.syntax.cpp.render import render
from warploom.testing.damage import damaged_text, odd_text, odd_value
from warploom.testing.fuzz import Target, refused
from warploom.values.candidate import Candidate, Scalar, Step

SEEDS = {path.parent.name: path.read_text() for path in sorted(CATALOG.glob("*/seed.cpp"))}
SIMPLE = ("cumsum", "gelu_tanh", "matvec", "rms_norm", "softmax", "sum_dim1", "swiglu")
SELECTORS = (*("@every", "@first", "@outermost") * 4, "@2", "@0", "@-1", "@²", "@", "@999", "")
TILE = ("0", "1", "8", "64", "-4", "vector", "@every")
Given = tuple[Candidate, tuple[Step, ...]]


def draw_steps(rng: random.Random, name: str, text: str) -> tuple[Step, ...]:
    loops = re.findall(r"(?:int64_t|int) (\w+) = ", text) or ["i"]
    steps = []
    for _ in range(rng.randint(1, 12)):
        site = rng.choice(
            (rng.choice(SELECTORS), rng.choice(SELECTORS), f"{name}:{rng.choice(loops)}", odd_text(rng, 8))
        )
        known = rng.choice([move.name for move in MOVES])
        move = known if rng.random() < 0.9 else rng.choice((FLAGS_MOVE, odd_text(rng, 8)))
        keys = [
            rng.choice(("size", "width", "rows", "order", "flag0", odd_text(rng, 5))) for _ in range(rng.randrange(3))
        ]
        values = [rng.choice((8, 64, -1, 0, 2.5, *TILE, odd_value(rng, 0))) for _ in keys]
        steps.append(Step(move, site, tuple(zip(keys, values, strict=True))))
    return tuple(steps)


def draw_recipe(rng: random.Random) -> Given:
    name = rng.choice(SIMPLE)
    text = SEEDS[name]
    if rng.random() < 0.4:
        text = damaged_text(
            rng, text, ("i", "j", "0", "1.0f", ";", "{", "}", "(", ")", "for", "if", "+", "<", "x", "out")
        )
    return Candidate("0" * 16, "cpp", (("kernel.cpp", text),), name), draw_steps(rng, name, text)


def check_recipe(given: Given) -> str:
    root, steps = given
    cookbook = Cookbook(MOVES)
    try:
        replay = cookbook.replay(root, steps)
    except SourceError as error:
        return refused(error)
    child = materialise(root, replay)
    evolve_block.enforce(root.source, child.source)
    assert len(child.id) == 16
    rewrites = [step for step in replay.steps if step.move != FLAGS_MOVE]
    again = Cookbook(MOVES).replay(root, replay.steps)
    assert (again.unit, again.flags) == (replay.unit, replay.flags), "what took effect takes effect again"
    return f"{'some' if rewrites else 'no'} steps took effect"


TARGETS = (Target("recipes", draw_recipe, check_recipe, weight=1, few=40, seconds=120.0),)


def test_any_recipe_can_be_replayed() -> None:
    assert set(TARGETS[0].short_run()) >= {"some steps took effect", "no steps took effect"}


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(
    st.sampled_from([move.name for move in MOVES]),
    st.text(max_size=10),
    st.dictionaries(st.text(max_size=5), st.integers()),
)
def test_any_site_and_parameters(move: str, site: str, parameters: dict[str, Scalar]) -> None:
    """Found: ``@²`` counts as digits and is no number."""
    unit = parse("void f(float* x, int n) { for (int i = 0; i < n; ++i) x[i] = 0; }")
    for selector in (site, f"@{site}", "@²"):
        try:
            made, _ = Cookbook(MOVES).perform(unit, Step(move, selector, tuple(parameters.items())), "f")
        except NotApplicable:
            continue
        assert made != unit
        assert parse(render(made)) == made
