"""Random kernels, random moves: results stay, whatever follows what."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_nests import random_kernel

from warploom.propose.moves.cpp.loops import reorder
from warploom.propose.moves.cpp.passes import kept
from warploom.propose.moves.cpp.threads import parallel
from warploom.syntax.cpp.parse import parse
from warploom.syntax.cpp.render import render

MOVES = (*reorder.MOVES, *kept.MOVES, *parallel.MOVES)
SHAPES = ((1, 1), (7, 19), (10, 64))


def arguments(n: int, m: int) -> tuple[Any, ...]:
    rng = np.random.default_rng(n * 100 + m)
    arrays = [rng.standard_normal(size).astype(np.float32) for size in ((n, m), (m,), (n, m), (n + m,))]
    return (*arrays, n, m)


def every_site_applies(source: str) -> None:
    unit = parse(source)
    assert parse(render(unit)) == unit
    for move in MOVES:
        for site in move.sites(unit):
            made = move.apply(unit, site.label, {name: values[0] for name, values in site.choices.items()})
            assert parse(render(made)) == made, (move.name, site.label)


def walked(source: str, rng: random.Random, steps: int) -> tuple[str, list[str]]:
    """The source after some random moves, and which ones."""
    unit = parse(source)
    taken = []
    for _ in range(steps):
        offers = [(move, site) for move in MOVES for site in move.sites(unit)]
        if not offers:
            break
        move, site = rng.choice(offers)
        chosen = {name: rng.choice(list(values)) for name, values in site.choices.items()}
        unit = move.apply(unit, site.label, chosen)
        assert parse(render(unit)) == unit
        taken.append(f"{move.name} {site.label} {chosen}")
    return render(unit), taken


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(seed=st.integers(0, 2**32))
def test_every_offered_site_applies(seed: int) -> None:
    every_site_applies(random_kernel(random.Random(seed)))


@settings(max_examples=10, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_results_stay(seed: int, run_both: Callable[..., None]) -> None:
    rng = random.Random(seed)
    source = random_kernel(rng)
    text, taken = walked(source, rng, rng.randint(1, 4))
    try:
        run_both(source, text, "kernel", [arguments(n, m) for n, m in SHAPES], tolerance=1e-4)
    except AssertionError as problem:
        pytest.fail(f"{source}\n{taken}\n{text}\n{problem}")
