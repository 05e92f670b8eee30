"""The recipes of vectors take effect step by step on their seeds and keep the results on small odd shapes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recipes_vectors import RECIPES

import warploom
from warploom.propose.moves.cpp.arithmetic import maths
from warploom.propose.moves.cpp.loops import reorder
from warploom.propose.moves.cpp.memory import streams
from warploom.propose.moves.cpp.passes import kept
from warploom.propose.moves.cpp.sums import reductions
from warploom.propose.moves.cpp.threads import parallel
from warploom.propose.moves.cpp.vectors import vectorise
from warploom.propose.recipe import Cookbook
from warploom.syntax import evolve_block
from warploom.syntax.cpp.parse import parse
from warploom.syntax.cpp.render import render
from warploom.values.candidate import Candidate

CATALOG = Path(warploom.__file__).parent / "problems" / "catalog"
BOOK = Cookbook(
    move for family in (maths, reductions, streams, vectorise, reorder, kept, parallel) for move in family.MOVES
)
RNG = np.random.default_rng(0)


def numbers(*shape: int) -> np.ndarray[Any, Any]:
    return RNG.standard_normal(shape).astype(np.float32)


PAIRS = ((1, 1), (9, 33), (3, 130))
CASES: dict[str, list[tuple[Any, ...]]] = {
    "softmax": [(numbers(i, j), numbers(i, j), i, j) for i, j in PAIRS],
    "cross_entropy": [(numbers(i, j), RNG.integers(0, j, i), numbers(1), i, j) for i, j in PAIRS],
    "layer_norm": [
        (numbers(b, c, h, w), numbers(c, h, w), numbers(c, h, w), numbers(b, c, h, w), b, c, h, w)
        for b, c, h, w in ((1, 1, 1, 2), (3, 5, 7, 13))
    ],
    "gelu_tanh": [(numbers(i, j), numbers(i, j), i, j) for i, j in PAIRS],
    "swiglu": [(numbers(i, j), numbers(i, j), numbers(i, j), i, j) for i, j in PAIRS],
    "rope": [
        (numbers(h, t, d), numbers(t, d), numbers(t, d), numbers(h, t, d), h, t, d)
        for h, t, d in ((1, 1, 2), (3, 5, 34), (2, 3, 64))
    ],
    "max_pool": [
        (numbers(b, c, h, w), numbers(b, c, h - 3, w - 3), b, c, h, w) for b, c, h, w in ((1, 1, 4, 4), (2, 3, 7, 41))
    ],
    "depthwise_conv": [
        (numbers(b, c, h, w), numbers(c, 3, 3), numbers(b, c, h - 2, w - 2), b, c, h, w)
        for b, c, h, w in ((1, 1, 3, 3), (2, 3, 7, 41))
    ],
    "cumsum": [(numbers(i, j), numbers(i, j), i, j) for i, j in PAIRS],
}


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_of_vectors(name: str, run_both: Callable[..., None]) -> None:
    source = (CATALOG / name / "seed.cpp").read_text()
    replay = BOOK.replay(Candidate("problem", "cpp", (("seed.cpp", source),), name), RECIPES[name])
    assert replay.steps == tuple(RECIPES[name])
    _, seed, _ = evolve_block.split(source)
    after = render(replay.unit)
    assert parse(after) == replay.unit
    run_both(seed, after, name, CASES[name])
