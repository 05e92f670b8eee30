"""The points of the roofline plot, reckoned by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from warploom.report.html.roof import Roof, roof
from warploom.report.html.story import Story
from warploom.testing.chronicle import ENVIRONMENT
from warploom.testing.synthetic import synthetic_candidate, synthetic_evaluation, synthetic_problem
from warploom.values.outcome import Passed, Timing
from warploom.values.problem import Workload, describe

ELEMENTS, BYTES = 1024, 8192


def timed(own_ns: float, calls: int = 1, **baselines_ns: float) -> Passed:
    evaluation = synthetic_evaluation(synthetic_candidate())
    assert isinstance(evaluation, Passed)
    timings = tuple(
        Timing(Workload(n=ELEMENTS), name, (own_ns,) * 3, (reference,) * 3, (calls, calls))
        for name, reference in baselines_ns.items()
    )
    return replace(evaluation, timings=timings)


def found(operations: str = "n", **environment: Any) -> Roof | None:
    description = describe(replace(synthetic_problem(), operations=operations))
    return roof(
        description,
        {**ENVIRONMENT, **environment},
        timed(512.0, eager=128.0),
        timed(64.0, eager=128.0, compile=256.0, incumbent=100.0),
    )


def test_operations_a_byte_over_operations_a_second() -> None:
    plot = found()
    assert plot is not None
    assert plot.by_operations
    assert {mark.who: mark.y for mark in plot.marks} == {
        "best": ELEMENTS / 64,
        "eager": ELEMENTS / 128,
        "compile": ELEMENTS / 256,
        "seed": ELEMENTS / 512,
    }
    assert {mark.x for mark in plot.marks} == {ELEMENTS / BYTES}
    assert {mark.roof for mark in plot.marks} == {min(200.0, ELEMENTS / BYTES * 400.0)}


def test_where_operations_are_unknown_bandwidth_over_size() -> None:
    plot = found(operations="")
    assert plot is not None
    assert not plot.by_operations
    best = next(mark for mark in plot.marks if mark.who == "best")
    assert (best.x, best.y, best.roof) == (BYTES, BYTES / 64, 400.0)


def test_a_block_of_calls_has_the_roof_of_all_its_data() -> None:
    plain, counted = (
        roof(describe(replace(synthetic_problem(), operations=how)), ENVIRONMENT, None, timed(64.0, 128, eager=128.0))
        for how in ("", "n")
    )
    assert plain is not None
    assert counted is not None
    assert {(mark.x, mark.roof) for mark in plain.marks} == {(128 * BYTES, 100.0)}
    assert {mark.roof for mark in counted.marks} == {ELEMENTS / BYTES * 100.0}


def test_what_the_reference_does_not_read_is_not_counted() -> None:
    shape = str(Workload(n=ELEMENTS))
    plot = found(operations="", traffic_bytes={shape: BYTES // 4})
    assert plot is not None
    best = next(mark for mark in plot.marks if mark.who == "best")
    assert (best.x, best.y) == (BYTES // 4, BYTES // 4 / 64)


@pytest.mark.parametrize("peaks", [None, {}, {"bytes_per_ns": {}}])
def test_no_peaks_no_plot(peaks: object) -> None:
    assert found(roofline=peaks) is None


def test_a_description_that_cannot_be_read_gives_no_plot() -> None:
    assert roof({"name": "?"}, ENVIRONMENT, None, timed(64.0, eager=128.0)) is None


def test_before_anything_is_promoted_the_seed_stands_beside_eager() -> None:
    plot = roof(describe(synthetic_problem()), ENVIRONMENT, timed(512.0, eager=128.0), None)
    assert plot is not None
    assert {mark.who for mark in plot.marks} == {"seed", "eager"}


def test_the_page_has_the_roofline_of_its_run(story: Story) -> None:
    assert story.roof is not None
    assert {mark.who for mark in story.roof.marks} == {"best", "seed", "eager", "compile"}
