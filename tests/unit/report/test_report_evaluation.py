from __future__ import annotations

import io
import json
import math
import random
from dataclasses import replace

import pytest
from rich.console import Console

from warploom.report.evaluation import evaluation_object, milliseconds, render, speedups_object, workload_rows
from warploom.values.outcome import Build, Check, Evaluation, Failed, Passed, Timing, Verdict
from warploom.values.problem import Workload


def timing(rows: int, ratio: float, baseline: str = "eager") -> Timing:
    rng = random.Random(rows)
    own = tuple(1e6 * math.exp(rng.gauss(0, 0.01)) for _ in range(20))
    return Timing(Workload(rows=rows), baseline, own, tuple(sample * ratio for sample in own))


def passed() -> Passed:
    return Passed(
        build=Build("/tmp/a.so", "00", "g++ 12.2.0", ("-O3",), "", 1, {"vectorised_loops": 2}),
        verdict=Verdict((Check("rows=64", 1, 1e-6, 0.25, 3), Check("rows=1", 2, 0.0, 0.0, -1, held_out=True))),
        timings=(timing(64, 2.0), timing(128, 8.0), timing(64, 1.5, "compile"), timing(128, 1.5, "compile")),
        environment={"jail": "bubblewrap"},
        elapsed_ns={"build": 5},
    )


def failed() -> Failed:
    return Failed("verify", "wrong_result", "out[3] is 1, expected 2", log_tail="said before it went wrong")


def text_of(evaluation: Evaluation, width: int = 80) -> str:
    stream = io.StringIO()
    Console(file=stream, width=width).print(render(evaluation))
    return stream.getvalue()


def test_a_pass_has_both_baselines_with_intervals_and_rows() -> None:
    found = evaluation_object(passed())
    assert (found["status"], found["stage"], found["kind"], found["message"]) == ("passed", "", "", "")
    eager, compiled = found["speedup"]["eager"], found["speedup"]["compile"]
    assert eager["median"] == pytest.approx(4.0, rel=0.01)
    assert compiled["median"] == pytest.approx(1.5, rel=0.01)
    assert eager["low"] <= eager["median"] <= eager["high"]
    assert [row["axes"] for row in found["workloads"]] == [{"rows": 64}, {"rows": 128}]
    first = found["workloads"][0]
    assert first["baselines"]["eager"]["speedup"]["median"] == pytest.approx(2.0, rel=0.01)
    assert first["baselines"]["eager"]["pairs"] == 20
    assert [check["held_out"] for check in found["checks"]] == [False, True]
    json.dumps(found, allow_nan=False)


def test_a_failure_says_where_what_and_why_and_has_no_score() -> None:
    found = evaluation_object(failed())
    assert (found["status"], found["stage"], found["kind"]) == ("failed", "verify", "wrong_result")
    assert found["message"] == "out[3] is 1, expected 2"
    assert "speedup" not in found


def test_a_baseline_that_was_not_timed_is_null_not_a_number() -> None:
    found = speedups_object([timing(64, 2.0)])
    assert found["compile"] is None
    assert found["eager"] is not None


def test_an_infinite_error_stays_valid_json() -> None:
    evaluation = passed()
    broken = Passed(evaluation.build, Verdict((Check("rows=1", 1, math.inf, math.nan, 0),)), evaluation.timings)
    json.dumps(evaluation_object(broken), allow_nan=False)


def test_the_mean_the_middle_and_the_worst_stand_with_their_intervals() -> None:
    eager = evaluation_object(passed())["speedup"]["eager"]
    assert eager["geomean"] == eager["median"]
    assert eager["worst"]["workload"] == "rows=64"
    assert eager["worst"]["median"] == pytest.approx(2.0, rel=0.01)
    assert eager["middle"]["low"] <= eager["middle"]["median"] <= eager["middle"]["high"]
    text = text_of(passed())
    assert "worst 2.00× [2.00, 2.00] at rows=64" in text
    assert text.count("8.00× [8.00, 8.00]") == 1, "every workload has its interval"


def test_the_best_before_is_no_baseline() -> None:
    evaluation = passed()
    beside = replace(evaluation, timings=(*evaluation.timings, timing(64, 1.1, "incumbent")))
    found = evaluation_object(beside)
    assert set(found["speedup"]) == {"eager", "compile"}
    assert found["over_the_best_before"]["median"] == pytest.approx(1.1, rel=0.01)
    assert "the best before" in text_of(beside)
    assert evaluation_object(evaluation)["over_the_best_before"] is None


def test_the_round_trip_is_taken_off_the_call_once_a_block() -> None:
    own = Timing(Workload(rows=1), "eager", (100.0, 110.0, 105.0), (400.0, 400.0, 400.0), calls=(10, 10))
    (row,) = workload_rows([own], round_trip_ns=50.0)
    assert (row["call_ns"], row["kernel_ns"], row["calls"]) == (105, 100, 10)
    (unknown,) = workload_rows([own])
    assert unknown["kernel_ns"] == unknown["call_ns"]
    with_trip = replace(passed(), environment={"round_trip_ns": 90_000})
    assert (
        evaluation_object(with_trip)["workloads"][0]["kernel_ns"]
        < evaluation_object(passed())["workloads"][0]["kernel_ns"]
    )
    assert "without the round trip" in text_of(with_trip)
    assert "without the round trip" not in text_of(passed())


def test_a_single_pair_has_no_interval_in_json() -> None:
    found = speedups_object([Timing(Workload(rows=1), "eager", (1.0,), (2.0,))])["eager"]
    assert found is not None
    assert (found["median"], found["low"], found["high"]) == (2.0, 0.0, None)
    json.dumps(found, allow_nan=False)


def test_rows_are_medians() -> None:
    (row,) = workload_rows([Timing(Workload(rows=1), "eager", (1.0, 9.0, 2.0), (4.0, 4.0, 40.0))])
    assert row["kernel_ns"] == 2
    assert row["baselines"]["eager"]["baseline_ns"] == 4


def test_text_fits_eighty_columns_and_names_the_baselines() -> None:
    text = text_of(passed())
    assert all(len(line) <= 80 for line in text.splitlines())
    for word in ("passed", "PyTorch eager", "torch.compile", "rows=128", "held-out"):
        assert word in text


def test_text_of_a_failure_shows_the_log() -> None:
    text = text_of(failed())
    assert "wrong_result" in text
    assert "said before it went wrong" in text


@pytest.mark.parametrize(
    ("nanoseconds", "shown"), [(12_345, "0.012 ms"), (1_234_567, "1.23 ms"), (123_456_789, "123 ms")]
)
def test_times_have_the_digits_that_count(nanoseconds: float, shown: str) -> None:
    assert milliseconds(nanoseconds) == shown


@pytest.mark.parametrize(("busy", "said"), [(None, False), (0.05, False), (0.43, True)])
def test_a_figure_taken_among_bystanders_carries_a_caution(busy: float | None, said: bool) -> None:
    evaluation = replace(passed(), environment={"busy": busy} if busy is not None else {})
    assert ("43% of the machine was at work for others" in " ".join(text_of(evaluation).split())) is said


@pytest.mark.parametrize("unwatched", [[], ["rows=8,cols=8", "rows=9,cols=9"]])
def test_calls_that_nobody_saw_end_one_by_one_are_named(unwatched: list[str]) -> None:
    evaluation = replace(passed(), environment={"unwatched": unwatched})
    shown = " ".join(text_of(evaluation).split())
    assert (
        "no block of rows=8,cols=8, rows=9,cols=9 could be stopped on its way: that calls end one by one is known from blocks cut"
        in shown
    ) is bool(unwatched)
