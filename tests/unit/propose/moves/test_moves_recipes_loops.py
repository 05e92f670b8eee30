"""Hand-chosen recipes still apply to their seeds and keep the results on small odd shapes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recipes_loops import RECIPES

import warploom
from warploom.propose.moves.cpp.loops import reorder
from warploom.propose.moves.cpp.memory import streams
from warploom.propose.moves.cpp.passes import kept
from warploom.propose.moves.cpp.sums import scans
from warploom.propose.moves.cpp.threads import parallel
from warploom.propose.moves.cpp.vectors import vectorise
from warploom.syntax import evolve_block
from warploom.syntax.cpp.parse import parse
from warploom.syntax.cpp.render import render

CATALOG = Path(warploom.__file__).parent / "problems" / "catalog"
FAMILIES = (reorder, kept, scans, streams, parallel, vectorise)
MOVES = {move.name: move for family in FAMILIES for move in family.MOVES}
RNG = np.random.default_rng(0)


def numbers(*shape: int) -> np.ndarray[Any, Any]:
    return RNG.standard_normal(shape).astype(np.float32)


CASES = {
    "sum_dim1": [(numbers(b, t, j), numbers(b, j), b, t, j) for b, t, j in ((1, 1, 1), (3, 5, 37), (2, 3, 300))],
    "rms_norm": [
        (numbers(b, c, h, w), numbers(b, c, h, w), b, c, h, w) for b, c, h, w in ((1, 1, 1, 1), (3, 5, 7, 13), (2, 3, 8, 16))
    ],
    "layer_norm": [
        (numbers(b, c, h, w), numbers(c, h, w), numbers(c, h, w), numbers(b, c, h, w), b, c, h, w)
        for b, c, h, w in ((1, 1, 1, 2), (3, 5, 7, 13), (2, 3, 8, 16))
    ],
    "matvec": [(numbers(i, j), numbers(j), numbers(i), i, j) for i, j in ((1, 1), (9, 33), (7, 100), (4, 64))],
    "cumsum": [(numbers(i, j), numbers(i, j), i, j) for i, j in ((1, 1), (9, 33), (3, 70))],
    "softmax": [(numbers(i, j), numbers(i, j), i, j) for i, j in ((1, 1), (9, 33), (3, 130))],
}  # fmt: skip


@pytest.mark.parametrize("name", RECIPES)
def test_recipe(name: str, run_both: Callable[..., None]) -> None:
    _, seed, _ = evolve_block.split((CATALOG / name / "seed.cpp").read_text())
    unit = parse(seed)
    for step in RECIPES[name]:
        offered = {site.label for site in MOVES[step.move].sites(unit)}
        assert step.site in offered, f"{step} is not among {offered}"
        unit = MOVES[step.move].apply(unit, step.site, dict(step.parameters))
        assert parse(render(unit)) == unit
    run_both(seed, render(unit), name, CASES[name], tolerance=1e-4)
