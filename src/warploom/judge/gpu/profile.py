"""NVIDIA's profiler ``ncu`` over one call of a kernel that is to be promoted, where it is installed and permitted."""

from __future__ import annotations

import contextlib
import csv
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from warploom.judge.fault import Fault
from warploom.sandbox.autopsy import WorkerFailed
from warploom.sandbox.gpu_process import GpuProcess
from warploom.sandbox.runner import Runner

PROGRAM = "ncu"

METRICS: dict[str, str] = {
    "compute_percent": "sm__throughput.avg.pct_of_peak_sustained_elapsed",
    "memory_percent": "gpu__compute_memory_throughput.avg.pct_of_peak_sustained_elapsed",
    "dram_percent": "gpu__dram_throughput.avg.pct_of_peak_sustained_elapsed",
    "l2_hit_percent": "lts__t_sector_hit_rate.pct",
    "occupancy_percent": "sm__warps_active.avg.pct_of_peak_sustained_active",
}
"""Name of a figure → the metric it is, all in percent.

Source: the sections "GPU Speed Of Light Throughput", "Memory Workload Analysis" and "Occupancy" of Nsight Compute.
"""

STALLS: tuple[str, ...] = (
    *("long_scoreboard", "short_scoreboard", "barrier", "membar", "wait", "math_pipe_throttle", "mio_throttle"),
    *("lg_throttle", "tex_throttle", "not_selected", "branch_resolving", "no_instruction", "sleeping"),
)
"""Why a warp does not issue, by the words of its metrics."""

MOST_STALLS = 4
"""So many reasons are told, the most frequent ones."""

FINISH_SECONDS = 60.0
"""It tells what it saw when the process that it watched is gone."""

_STALL = "smsp__average_warps_issue_stalled_{}_per_issue_active.ratio"


def profile(
    start: Callable[[Sequence[str]], GpuProcess], call: Callable[[Runner], object], kernel: str
) -> dict[str, Any]:
    """Make one call under the profiler; what it says changes no verdict.

    Args:
        start: a process that runs under a program of these words.
        call: makes the call.
        kernel: name of the function that is looked at.

    Returns:
        Under "profile" the figures of :data:`METRICS`, and under their "stalls" the shares in percent of the reasons
        for which warps waited; or a line that says why there are none. Nothing where it is not installed.
    """
    program = shutil.which(PROGRAM)
    if program is None:
        return {}
    wanted = ",".join([*METRICS.values(), *(_STALL.format(reason) for reason in STALLS)])
    with tempfile.TemporaryDirectory(prefix="warploom-") as folder:
        log = Path(folder) / "log"
        words = [program, "--csv", "--target-processes", "all", "--clock-control", "none", "--launch-count", "1"]
        words += ["--kernel-name", kernel, "--metrics", wanted, "--log-file", str(log)]
        refused = ""
        try:
            with start(words) as process:
                call(process)
                process.finish(FINISH_SECONDS)
        except (Fault, WorkerFailed) as error:
            refused = error.message  # the kernel made such calls without the profiler
        said = ""
        with contextlib.suppress(OSError):
            said = log.read_text(errors="replace")
    seen = figures(said.splitlines())
    if seen:
        return {"profile": seen}
    complaint = next((line for line in said.splitlines() if line.startswith("==ERROR==")), "")
    return {"profile": f"{PROGRAM} could not run: {(complaint or refused or 'it said nothing')[:200]}"}


def figures(lines: Iterable[str]) -> dict[str, Any]:
    """What the profiler's CSV says of the first launch in it; {} where it holds no figures.

    Args:
        lines: of its output: remarks, a header that begins with "ID", a row a metric.
    """
    rest = iter(lines)
    head = next((line for line in rest if line.startswith('"ID",')), "")
    found: dict[str, float] = {}
    for row in csv.DictReader([head, *rest]) if head else ():
        with contextlib.suppress(ValueError):  # "n/a" is no figure
            found.setdefault(str(row.get("Metric Name")), float(str(row.get("Metric Value")).replace(",", "")))
    seen: dict[str, Any] = {name: found[metric] for name, metric in METRICS.items() if metric in found}
    waits = {reason: found.get(_STALL.format(reason), 0.0) for reason in STALLS}
    most = sorted((reason for reason in STALLS if waits[reason] > 0), key=lambda reason: -waits[reason])[:MOST_STALLS]
    if most:
        total = sum(waits.values())
        seen["stalls"] = {reason.replace("_", " "): round(100 * waits[reason] / total, 1) for reason in most}
    return seen
