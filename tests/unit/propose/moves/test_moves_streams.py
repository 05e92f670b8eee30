"""Streaming stores, prefetches and restrict."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from weigh_h import parsed

from warploom.errors import NotApplicable
from warploom.propose.moves.cpp.memory.streams import MOVES
from warploom.propose.moves.cpp.vectors.vectorise import Vectorise
from warploom.propose.moves.protocol import Move
from warploom.syntax.cpp.parse import parse
from warploom.syntax.cpp.render import render
from warploom.syntax.cpp.tree import Unit

BY_NAME: dict[str, Move] = {move.name: move for move in MOVES}
SIGNATURE = 'extern "C" void f(const float* x, const float* y, float* out, int64_t rows, int64_t cols)'
LOOP = "for (int64_t j = 0; j < cols; ++j)"


def vectors(body: str) -> Unit:
    unit = parsed(f"{SIGNATURE} {{ {body} }}")
    for site in Vectorise().sites(unit):
        unit = Vectorise().apply(unit, site.label, {})
    return unit


def test_results_stay(run_both: Callable[..., None]) -> None:
    unit = vectors(f"float* to = out + 1; {LOOP} to[j] = x[j] + 1; {LOOP} to[j + cols] = y[j];")
    made = unit
    for name in ("stream_stores", "prefetch", "restrict_parameters"):
        sites = BY_NAME[name].sites(made)
        assert sites
        for site in sites:
            made = BY_NAME[name].apply(made, site.label, {key: values[0] for key, values in site.choices.items()})
            assert parse(render(made)) == made
        assert not BY_NAME[name].sites(made)
    text = render(made)
    assert text.count("stream_fence();") == 1
    assert text.rstrip().endswith("stream_fence();\n}")
    assert "float* __restrict__ out" in text
    cases = []
    for cols in (1, 16, 50, 257):
        arrays = [np.random.default_rng(cols).standard_normal(2 * cols + 1).astype(np.float32) for _ in range(3)]
        cases.append([*arrays, 1, cols])
    run_both(render(unit), text, "f", cases)


def test_only_outputs_that_are_never_read() -> None:
    move = BY_NAME["stream_stores"]
    for body in (
        f"{LOOP} out[j] += x[j];",
        f"{LOOP} out[j] = x[j]; {LOOP} out[j] *= 2;",
        f"{LOOP} out[j] = x[j]; float s = out[0]; {LOOP} out[j] = s;",
        f"float t[4096]; {LOOP} t[j] = x[j]; out[0] = t[3];",
        f"float* to = out; {LOOP} out[j] = x[j]; float s = to[5]; to[6] = s;",
    ):
        unit = vectors(body)
        assert not move.sites(unit), body
        with pytest.raises(NotApplicable):
            move.apply(unit, "f:j", {})
    assert not move.sites(parse(f"{SIGNATURE} {{ {LOOP} out[j] = x[j]; }}"))


def test_prefetch_distance_is_wired() -> None:
    unit = vectors(f"{LOOP} out[j] = x[j] * y[0];")
    text = render(BY_NAME["prefetch"].apply(unit, "f:j", {"ahead": 512}))
    assert "__builtin_prefetch(x + j + 512);" in text
    assert text.count("__builtin_prefetch") == 1
    with pytest.raises(NotApplicable):
        BY_NAME["prefetch"].apply(parse(f"{SIGNATURE} {{ {LOOP} out[j] = x[j]; }}"), "f:j", {})


def test_restrict_needs_two_plain_pointers() -> None:
    move = BY_NAME["restrict_parameters"]
    assert not move.sites(parse("void f(float* x, int64_t n) { x[n] = 1; }"))
    with pytest.raises(NotApplicable):
        move.apply(parse("void f(float* x) { x[0] = 1; }"), "f:parameters", {})
