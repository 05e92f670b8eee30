"""A calibration and a self-test as the JSON objects of ``warploom calibrate`` and as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from statistics import median
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from warploom.judge.machine.busy import BUSY_SHARE
from warploom.judge.machine.calibration import Calibration
from warploom.judge.selftest.relations import Relation
from warploom.search.noise import percent


def warnings(calibration: Calibration) -> list[str]:
    """What a reader should know before leaning on it."""
    if (calibration.busy or 0.0) > BUSY_SHARE:
        return [f"the machine was {calibration.busy:.0%} busy with other work: it will be taken again by the next run"]
    return []


def calibration_object(calibration: Calibration, hardware: Mapping[str, Any], file: str) -> dict[str, Any]:
    """The object that ``warploom calibrate --json`` prints.

    Returns:
        ``id``, every figure of the calibration, ``noise_floor``, the machine as ``hardware``, ``file``, ``warnings``.
    """
    plain = {**calibration.to_plain(), "hardware": dict(hardware)}
    figures = {"noise_floor": calibration.noise_floor, "taken": taken(calibration)}
    return {"id": calibration.id, **plain, **figures, "file": file, "warnings": warnings(calibration)}


def taken(calibration: Calibration) -> str:
    """When, in UTC: "2026-01-31 12:00"."""
    return datetime.fromtimestamp(calibration.taken_s, UTC).strftime("%Y-%m-%d %H:%M")


def headline(calibration: Calibration) -> str:
    """One line for ``warploom doctor``."""
    peaks = calibration.peaks
    memory = peaks.bytes_per_ns[max(peaks.bytes_per_ns)]
    return (
        f"{calibration.id} of {taken(calibration)} UTC: noise floor {percent(calibration.noise_floor)}, "
        f"{memory:.0f} GB/s from memory, {peaks.operations_per_ns:.0f} GFLOP/s"
    )


def render_calibration(calibration: Calibration, hardware: Mapping[str, Any]) -> RenderableType:
    """The calibration for people."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    busy = "not known" if calibration.busy is None else f"{calibration.busy:.0%} at work for others"
    comparisons = len(calibration.itself)
    largest = max(abs(off) for off, _ in calibration.itself)
    interval = median(half_width for _, half_width in calibration.itself)
    rows = [
        ("calibration", f"{calibration.id}, taken {taken(calibration)} UTC"),
        ("machine", f"{hardware['cpu']}, {hardware['cores']} cores"),
        ("toolchain", calibration.toolchain),
        ("meanwhile", busy),
        ("clock", f"{calibration.timer_resolution_ns:.0f} ns steps, {calibration.timer_overhead_ns:.0f} ns a reading"),
        ("round trip to a worker", f"{calibration.round_trip_ns / 1e3:.1f} µs"),
        ("operations", f"{calibration.peaks.operations_per_ns:.0f} GFLOP/s, float32"),
        *_bandwidth(calibration),
        (
            "a kernel beside itself",
            f"{comparisons} times, at most {percent(largest)} off, intervals of ±{percent(interval)}",
        ),
        ("noise floor", percent(calibration.noise_floor)),
    ]
    for name, value in rows:
        table.add_row(name, value)
    return Group(table, *(Text(f"\n! {warning}", style="yellow") for warning in warnings(calibration)))


def _bandwidth(calibration: Calibration) -> list[tuple[str, str]]:
    peaks = calibration.peaks.bytes_per_ns.items()
    return [(f"reading {_size(size)}", f"{peak:.1f} GB/s") for size, peak in peaks]


def _size(size_bytes: int) -> str:
    return f"{size_bytes >> 20} MiB" if size_bytes >= 1 << 20 else f"{size_bytes >> 10} KiB"


def relation_line(relation: Relation) -> Text:
    """One relation of the self-test: a sign, its name and its figures."""
    sign, style = ("✓", "green") if relation.holds else ("✗", "bold red")
    return Text.assemble((f"{sign} ", style), (relation.name, "bold"), (f"\n    {relation.detail}", "dim"))


def verdict_line(relations: Sequence[Relation]) -> Text:
    """How many hold, and what that means."""
    failed = sum(not relation.holds for relation in relations)
    if failed:
        return Text(f"{failed} of {len(relations)} relations do not hold: do not believe a timing here", "bold red")
    return Text(f"all {len(relations)} relations hold", "bold green")


def self_test_object(relations: Sequence[Relation]) -> dict[str, Any]:
    """The object that ``warploom calibrate --self-test --json`` prints: ``passed`` and the relations."""
    return {"passed": all(relation.holds for relation in relations), "relations": [asdict(one) for one in relations]}
