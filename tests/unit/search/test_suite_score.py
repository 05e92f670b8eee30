"""fast_p, means and groups, against figures worked out by hand and against KernelBench's formula."""

from __future__ import annotations

import json
import math
import random

import pytest

from warploom.errors import ConfigError
from warploom.search.suite.light import NO_GAP, Peaks, closed
from warploom.search.suite.row import Row
from warploom.search.suite.score import THRESHOLDS, by_kind, by_level, fast_p, score
from warploom.testing.chronicle import ENVIRONMENT
from warploom.testing.synthetic import synthetic_problem
from warploom.values.problem import Workload


def row(name: str, eager: float | None = None, compiled: float | None = None, **more: object) -> Row:
    speeds = {"eager": eager, "compile": compiled}
    speedup = {key: (value, value * 0.9, value * 1.1) for key, value in speeds.items() if value is not None}
    status = {"status": "verified" if eager is not None else "no kernel"}
    fields = {
        **status,
        "best": "a" if eager is not None else "",
        "speedup": speedup,
        "kind": "gemm",
        "level": "1",
        **more,
    }
    return Row(name, name, **fields)  # type: ignore[arg-type]


ROWS = (row("a", 4.0, 2.0), row("b", 1.0), row("c"), row("d", 0.5, 3.0))


def test_fast_p_counts_over_all_problems() -> None:
    found = score(ROWS)
    assert (found.problems, found.correct) == (4, 3)
    assert found.against["eager"].fast == {0.0: 0.75, 1.0: 0.25, 1.5: 0.25, 2.0: 0.25, 3.0: 0.25, 5.0: 0.0}
    assert found.against["compile"].fast == {0.0: 0.75, 1.0: 0.5, 1.5: 0.5, 2.0: 0.25, 3.0: 0.0, 5.0: 0.0}
    assert fast_p((), "eager", 0.0) == 0.0


def test_fast_p_is_that_of_kernelbench() -> None:
    rng = random.Random(5)
    speeds = [rng.choice([None, 1.0, 2.0, math.exp(rng.gauss(0.3, 0.7))]) for _ in range(60)]
    rows = [row(str(number), value) for number, value in enumerate(speeds)]
    for p in THRESHOLDS:  # np.sum(baseline / actual > p over the correct ones) / n
        assert fast_p(rows, "eager", p) == sum(value is not None and value > p for value in speeds) / len(speeds)


def test_means_count_what_has_no_figure_as_one_and_name_it() -> None:
    eager, compiled = score(ROWS).against["eager"], score(ROWS).against["compile"]
    assert eager.mean == pytest.approx((4.0 * 1.0 * 1.0 * 0.5) ** 0.25)
    assert eager.mean_correct == pytest.approx((4.0 * 1.0 * 0.5) ** (1 / 3))
    assert (eager.middle, eager.worst, eager.worst_id) == (1.0, 0.5, "d")
    assert (eager.counted_as_1, compiled.counted_as_1) == (("c",), ("b", "c"))
    assert eager.surely == 1
    assert eager.interval is not None
    assert eager.mean is not None
    off = math.hypot(*[math.log(1 / 0.9)] * 3) / 4
    assert eager.interval[0] == pytest.approx(eager.mean * math.exp(-off))


def test_the_speed_of_light_counts_no_kernel_as_nothing_gained() -> None:
    rows = (row("a", 4.0, light={"eager": 0.8}), row("b", 2.0, light={}), row("c"))
    assert score(rows).against["eager"].light == pytest.approx(0.4)
    assert score((row("b", 2.0),)).against["eager"].light is None


def test_quarantined_problems_are_in_no_figure() -> None:
    assert score([*ROWS, row("e", status="quarantined", best="")]) == score(ROWS)


def test_levels_and_kinds_are_scored_apart() -> None:
    rows = [
        row("a", 4.0),
        row("b", 2.0, level="2", kind="conv"),
        row("c", level="2", kind=""),
        row("d", status="quarantined"),
    ]
    assert {name: one.problems for name, one in by_level(rows).items()} == {"1": 1, "2": 2}
    assert list(by_kind(rows)) == ["conv", "gemm", ""]
    assert by_level(rows)["2"].against["eager"].mean == pytest.approx(2**0.5)


def test_an_open_interval_is_null_in_json() -> None:
    one = Row("a", "a", "1", "verified", best="a", speedup={"eager": (2.0, 0.0, math.inf)})
    assert Row.from_plain(json.loads(json.dumps(one.to_plain(), allow_nan=False))) == one
    assert score([one]).to_plain()["against"]["eager"]["interval"] == [0.0, None]
    assert score([]).to_plain()["against"]["eager"]["geometric_mean"] is None


def test_a_line_that_is_none_is_refused() -> None:
    for plain in ({}, {**ROWS[0].to_plain(), "status": "great"}, {**ROWS[0].to_plain(), "speedup": {"eager": [1.0]}}):
        with pytest.raises(ConfigError, match="no line of results"):
            Row.from_plain(plain)


def test_the_gap_is_closed_from_the_baseline_to_the_bound() -> None:
    assert closed(100.0, 100.0, 20.0) == 0.0
    assert closed(100.0, 60.0, 20.0) == 0.5
    assert closed(100.0, 140.0, 20.0) == -0.5
    assert closed(100.0, 10.0, 20.0) == 1.0
    assert closed(20.0 * NO_GAP, 20.0, 20.0) is None


def test_the_bound_is_the_longer_of_moving_and_computing() -> None:
    peaks, problem = Peaks(ENVIRONMENT), synthetic_problem()
    moving = 8 * 1024 / 400.0
    assert peaks.bound_ns(problem, Workload(n=1024), 0, 1) == pytest.approx(moving)
    assert peaks.bound_ns(problem, Workload(n=1024), 0, 128) == pytest.approx(4 * moving), "a MiB: beyond its cache"
    assert peaks.bound_ns(problem, Workload(n=1024), 10**6, 1) == pytest.approx(10**6 / 200.0)
    stated = Peaks({**ENVIRONMENT, "traffic_bytes": {"n=1024": problem.traffic_bytes(Workload(n=1024)) // 2}})
    assert stated.bound_ns(problem, Workload(n=1024), 0, 1) == pytest.approx(moving / 2)
    with pytest.raises(ConfigError, match="no peaks"):
        Peaks({})
