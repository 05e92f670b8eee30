"""An evaluation as the JSON object of ``warploom judge`` and as text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from statistics import median
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from warploom.judge.machine.busy import disturbed
from warploom.judge.promotion import INCUMBENT
from warploom.report.score import score_lines, score_object
from warploom.values.outcome import Check, Evaluation, Failed, Passed, Timing
from warploom.values.speedup import Speedup, Workloads, over_workloads, speedup, workload_speedup

BASELINES: dict[str, str] = {"eager": "PyTorch eager", "compile": "torch.compile"}
"""Baselines every promoted kernel is timed against, and what people call them."""

TITLES: dict[str, str] = {**BASELINES, INCUMBENT: "the best before"}
"""The best before a kernel, timed beside it where there was one, is no baseline and stands apart."""


def speedup_object(value: Speedup | None) -> dict[str, float | None] | None:
    """A speedup's median and interval; None where the baseline was not timed.

    They are not rounded: whoever shows two digits of four would now and then show another number than the evidence.
    """
    if value is None:
        return None
    return {name: _finite(getattr(value, name)) for name in ("median", "low", "high")}


def workloads_object(found: Workloads | None) -> dict[str, Any] | None:
    """The speedup over one baseline; None where it was not timed.

    Returns:
        ``median``, ``low`` and ``high``: the medians of the pairs, in geometric mean over the workloads, with the 95 %
        interval; ``geomean``: the first of them by its name; ``middle`` and ``worst``: the median workload and the
        slowest, with their intervals; ``worst`` names its ``workload``.
    """
    if found is None:
        return None
    whole = speedup_object(found.geomean)
    assert whole is not None
    worst = {"workload": found.worst_workload, **(speedup_object(found.worst) or {})}
    return {**whole, "geomean": whole["median"], "middle": speedup_object(found.middle), "worst": worst}


def speedups_object(timings: Iterable[Timing]) -> dict[str, dict[str, Any] | None]:
    """Baseline → speedup, for every baseline of :data:`BASELINES` and any other that was timed."""
    timings = tuple(timings)
    names = dict.fromkeys([*BASELINES, *(timing.baseline for timing in timings)])
    return {name: workloads_object(over_workloads(timings, name)) for name in names if name != INCUMBENT}


def workload_rows(timings: Iterable[Timing], round_trip_ns: float | None = None) -> list[dict[str, Any]]:
    """One row a workload: its axes, the kernel's times, and each baseline's time and speedup (times in ns, medians).

    Args:
        timings: of all workloads.
        round_trip_ns: what waking a worker and hearing from it took, once a block of calls; None where unknown.

    Returns:
        ``call_ns`` is what the judge measured: a block from waking the worker to its answer, by its calls.
        ``kernel_ns`` is that without the round trip, as far as it is known. Speedups are those of calls.
    """
    rows: dict[str, dict[str, Any]] = {}
    for timing in timings:
        call_ns = median(timing.samples_ns)
        row = rows.setdefault(
            str(timing.workload),
            {
                "workload": str(timing.workload),
                "axes": timing.workload.extents,
                "call_ns": round(call_ns),
                "kernel_ns": round(max(0.0, call_ns - (round_trip_ns or 0.0) / timing.calls[0])),
                "calls": timing.calls[0],
                "baselines": {},
            },
        )
        row["baselines"][timing.baseline] = {
            "baseline_ns": round(median(timing.reference_samples_ns)),
            "pairs": len(timing.samples_ns),
            "speedup": speedup_object(workload_speedup(timing)),
        }
    return list(rows.values())


def evaluation_object(evaluation: Evaluation) -> dict[str, Any]:
    """The object that ``warploom judge --json`` prints.

    Returns:
        ``status`` "passed" or "failed", ``stage``, ``kind`` and ``message`` ("" when passed), and when passed
        ``speedup`` by baseline, ``over_the_best_before``, ``workloads``, ``checks`` and ``mint``; "scored" with what
        :func:`~warploom.report.score.score_object` gives where an evaluator that is not the judge gave a score.
    """
    common: dict[str, Any] = {
        "elapsed_ns": dict(evaluation.elapsed_ns),
        "environment": dict(evaluation.environment),
    }
    if isinstance(evaluation, Failed):
        return {
            "status": "failed",
            "stage": evaluation.stage,
            "kind": evaluation.kind,
            "message": evaluation.message,
            "log_tail": evaluation.log_tail,
            **common,
        }
    if evaluation.score is not None:
        head = {"status": "scored", "stage": "", "kind": "", "message": ""}
        minted = {"mint": asdict(evaluation.mint) if evaluation.mint else None}
        return {**head, **score_object(evaluation.score), **minted, **common}
    return {
        "status": "passed",
        "stage": "",
        "kind": "",
        "message": "",
        "speedup": speedups_object(evaluation.timings),
        "over_the_best_before": speedup_object(speedup(evaluation.timings, INCUMBENT)),
        "workloads": workload_rows(evaluation.timings, round_trip(evaluation)),
        "checks": [_check(check) for check in evaluation.verdict.checks],
        "toolchain": evaluation.build.toolchain,
        "facts": dict(evaluation.build.facts),
        "mint": asdict(evaluation.mint) if evaluation.mint else None,
        **common,
    }


def round_trip(evaluation: Passed) -> float | None:
    """What the calibration says of the round trip to a worker, in nanoseconds; None where nothing."""
    stated = evaluation.environment.get("round_trip_ns")
    return float(stated) if isinstance(stated, int | float) else None


def cautions(stated: Mapping[str, Any], what: str = "measured") -> list[Text]:
    """What must be said beside a figure.

    Args:
        stated: under what conditions it was measured, as the judge or a claim says: ``busy``, the share of the machine
            that was at work for others, and ``unwatched``, workloads of which no block could be stopped on the way.
        what: the words before "while".
    """
    found = []
    busy, unwatched = disturbed(stated), stated.get("unwatched")
    if busy:
        found.append(
            f"{what} while {busy:.0%} of the machine was at work for others: it may be off by more than its interval"
        )
    if unwatched:
        found.append(
            f"no block of {', '.join(unwatched)} could be stopped on its way: that calls end one by one is known "
            "from blocks cut short alone"
        )
    return [Text(words, style="yellow") for words in found]


def _check(check: Check) -> dict[str, Any]:
    return {
        "workload": check.workload,
        "held_out": check.held_out,
        "seed": check.seed,
        "max_abs_error": _finite(check.max_abs_error),
        "max_rel_error": _finite(check.max_rel_error),
        "worst_index": check.worst_index,
        "guard": check.guard,
    }


def _finite(value: float) -> float | None:
    return value if abs(value) < float("inf") else None


def render(evaluation: Evaluation) -> RenderableType:
    """The evaluation for people: the verdict, then the table of times or the evidence of the failure."""
    if isinstance(evaluation, Failed):
        lines = Text.assemble(
            ("failed", "bold red"), f" at {evaluation.stage}: {evaluation.kind}\n", evaluation.message
        )
        if evaluation.log_tail.strip():
            lines.append("\n\n" + evaluation.log_tail.strip(), style="dim")
        return lines
    if evaluation.score is not None:
        return Group(*score_lines(evaluation.score))
    held_out = sum(check.held_out for check in evaluation.verdict.checks)
    checks = len(evaluation.verdict.checks)
    verdict = Text.assemble(
        ("passed", "bold green"),
        f": {checks} checks, {held_out} of them on held-out inputs; ",
        f"largest error {_worst(evaluation):.2g} of the tolerance",
    )
    table = times_table(evaluation.timings, round_trip(evaluation))
    said = cautions(evaluation.environment)
    return Group(verdict, Text(), table, Text(), *speedup_lines(evaluation.timings), *said)


def _worst(evaluation: Passed) -> float:
    return max((check.max_rel_error for check in evaluation.verdict.checks), default=0.0)


def times_table(timings: Iterable[Timing], round_trip_ns: float | None = None) -> RenderableType:
    """Workload by workload: the kernel's time, and each baseline's with the speedup over it and its interval.

    A workload has a line of its own, because names of axes and lengths can fill one.

    Args:
        timings: of all workloads.
        round_trip_ns: as in :func:`workload_rows`.
    """
    parts: list[RenderableType] = []
    for row in workload_rows(timings, round_trip_ns):
        apart = f"a call; {milliseconds(row['kernel_ns'])} without the round trip" if round_trip_ns else "a call"
        parts += [Text(row["workload"], style="bold"), _times("the kernel", row["call_ns"], Text(apart, style="dim"))]
        for name, entry in row["baselines"].items():
            found = entry["speedup"]
            shown = Text(_shown(found["median"], found["low"], found["high"]))
            parts.append(_times(TITLES.get(name, name), entry["baseline_ns"], shown))
    return Group(*parts)


def _times(who: str, nanoseconds: float, more: Text) -> Text:
    return Text.assemble(f"  {who:<17}{milliseconds(nanoseconds):>10}  ", more)


def speedup_lines(timings: Iterable[Timing], absent: Mapping[str, str] | None = None) -> list[Text]:
    """A baseline's line, "2.31× [2.25, 2.36] the speed of PyTorch eager", and over several workloads the range.

    Args:
        timings: of all workloads.
        absent: baseline → why it could not be timed, where that is known.
    """
    timings = tuple(timings)
    lines = []
    for name, title in BASELINES.items():
        found = over_workloads(timings, name)
        if found is None:
            reason = (absent or {}).get(name, "")
            lines.append(Text(f"{title}: not timed" + (f": {reason}" if reason else ""), style="dim"))
            continue
        count = len({timing.workload for timing in timings if timing.baseline == name})
        lines.append(Text.assemble((f"{found.geomean}", "bold"), f" the speed of {title} (95 % interval)"))
        if count > 1:
            whole = f"  geometric mean of {count} workloads; middle {found.middle}"
            lines += [
                Text(f"{whole},", style="dim"),
                Text(f"  worst {found.worst} at {found.worst_workload}", style="dim"),
            ]
    return lines


def _shown(middle: float, low: float | None, high: float | None) -> str:
    return str(Speedup(middle, low or 0.0, math.inf if high is None else high))


def milliseconds(nanoseconds: float) -> str:
    """``1.234 ms``, with three digits that count."""
    value = nanoseconds / 1e6
    digits = 3 if value < 1 else 2 if value < 100 else 0
    return f"{value:.{digits}f} ms"
