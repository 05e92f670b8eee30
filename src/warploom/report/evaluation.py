"""An evaluation as the JSON object of ``warploom judge`` and as text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import median
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from warploom.values.outcome import Check, Evaluation, Failed, Passed, Timing
from warploom.values.speedup import Speedup, speedup, workload_speedup

BASELINES: dict[str, str] = {"eager": "PyTorch eager", "compile": "torch.compile"}
"""Baselines every promoted kernel is timed against, and what people call them."""


def speedup_object(value: Speedup | None) -> dict[str, float] | None:
    """A speedup's median and interval, to four digits; None where the baseline was not timed."""
    if value is None:
        return None
    return {"median": round(value.median, 4), "low": round(value.low, 4), "high": round(value.high, 4)}


def speedups_object(timings: Iterable[Timing]) -> dict[str, dict[str, float] | None]:
    """Baseline → speedup over all workloads, for every baseline of :data:`BASELINES` and any other that was timed."""
    timings = tuple(timings)
    names = dict.fromkeys([*BASELINES, *(timing.baseline for timing in timings)])
    return {name: speedup_object(speedup(timings, name)) for name in names}


def workload_rows(timings: Iterable[Timing]) -> list[dict[str, Any]]:
    """One row a workload: its axes, the kernel's time, and each baseline's time and speedup (times in ns, medians)."""
    rows: dict[str, dict[str, Any]] = {}
    for timing in timings:
        row = rows.setdefault(
            str(timing.workload),
            {
                "workload": str(timing.workload),
                "axes": timing.workload.extents,
                "kernel_ns": round(median(timing.samples_ns)),
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
        ``speedup`` by baseline, ``workloads`` and ``checks``.
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
    return {
        "status": "passed",
        "stage": "",
        "kind": "",
        "message": "",
        "speedup": speedups_object(evaluation.timings),
        "workloads": workload_rows(evaluation.timings),
        "checks": [_check(check) for check in evaluation.verdict.checks],
        "toolchain": evaluation.build.toolchain,
        "facts": dict(evaluation.build.facts),
        **common,
    }


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
    held_out = sum(check.held_out for check in evaluation.verdict.checks)
    checks = len(evaluation.verdict.checks)
    verdict = Text.assemble(
        ("passed", "bold green"),
        f": {checks} checks, {held_out} of them on held-out inputs; ",
        f"largest error {_worst(evaluation):.2g} of the tolerance",
    )
    return Group(verdict, Text(), times_table(evaluation.timings), *speedup_lines(evaluation.timings))


def _worst(evaluation: Passed) -> float:
    return max((check.max_rel_error for check in evaluation.verdict.checks), default=0.0)


def times_table(timings: Iterable[Timing]) -> Table:
    """Workload by workload: the kernel's median time, and each baseline's with the speedup over it."""
    timings = tuple(timings)
    names = list(dict.fromkeys(timing.baseline for timing in timings))
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("workload", overflow="fold")
    table.add_column("kernel", justify="right", no_wrap=True)
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
        table.add_column("speedup", justify="left", no_wrap=True)
    for row in workload_rows(timings):
        cells = []
        for name in names:
            entry: Mapping[str, Any] | None = row["baselines"].get(name)
            cells += [milliseconds(entry["baseline_ns"]), f"{entry['speedup']['median']:.2f}×"] if entry else ["", ""]
        table.add_row(row["workload"], milliseconds(row["kernel_ns"]), *cells)
    return table


def speedup_lines(timings: Iterable[Timing], absent: Mapping[str, str] | None = None) -> list[Text]:
    """One line a baseline: "2.31× [2.25, 2.36] the speed of PyTorch eager".

    Args:
        timings: of all workloads.
        absent: baseline → why it could not be timed, where that is known.
    """
    timings = tuple(timings)
    lines = []
    for name, title in BASELINES.items():
        value = speedup(timings, name)
        if value is None:
            reason = (absent or {}).get(name, "")
            lines.append(Text(f"{title}: not timed" + (f": {reason}" if reason else ""), style="dim"))
        else:
            lines.append(Text.assemble((f"{value}", "bold"), f" the speed of {title} (median, 95 % interval)"))
    return lines


def milliseconds(nanoseconds: float) -> str:
    """``1.234 ms``, with three digits that count."""
    value = nanoseconds / 1e6
    digits = 3 if value < 1 else 2 if value < 100 else 0
    return f"{value:.{digits}f} ms"
