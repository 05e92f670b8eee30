"""What became of one problem of a suite: a line of ``results.jsonl``."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from statistics import fmean, median
from typing import Any

from warploom.archive.journal import Journal, read
from warploom.archive.remeasured import remeasured
from warploom.errors import ConfigError
from warploom.judge.promotion import INCUMBENT
from warploom.search.suite.light import Peaks, closed
from warploom.search.suite.listing import Entry
from warploom.values.event import Evaluated, Promoted, RunResumed
from warploom.values.outcome import Passed, Timing
from warploom.values.peaks import traffic
from warploom.values.problem import Problem, from_description
from warploom.values.speedup import speedup, workload_speedup
from warploom.values.work import Work

STATUSES: tuple[str, ...] = ("verified", "no kernel", "not started", "quarantined", "interrupted", "waiting")
"""``verified``: a kernel was promoted. ``no kernel``: the run ended without one. ``not started``: there was no problem
or no starting implementation, or the reference failed. ``quarantined``: the problem failed its audit and is left out.
``interrupted``: its run can go on. ``waiting``: its turn has not come."""

SETTLED: frozenset[str] = frozenset({"verified", "no kernel", "quarantined"})
"""Nothing is left to do for these; a problem that could not be started is tried again."""

Ends = tuple[float, float, float]
"""Median, and the ends of its 95 % interval."""


@dataclass(frozen=True)
class Row:
    """What became of one problem.

    Attributes:
        id: as in :class:`warploom.search.suite.listing.Entry`.
        address: likewise.
        level: likewise.
        status: one of :data:`STATUSES`.
        reason: why there is no kernel, "" where there is one.
        kind: of the reference's work, one of :data:`warploom.values.work.KINDS`; "" where it was not looked at.
        problem: its hash, "" where it could not be loaded.
        title: its line for people.
        start: whose the starting implementation was: "own", beside the problem, or "lowered" from the reference.
        best: id of the promoted kernel, "" without one.
        speedup: baseline → how many times faster, over all workloads.
        light: baseline → share of the gap to the machine's bound that was closed, the mean over the workloads.
        workloads: shape, times and bound of each.
        absent: baseline → why it was not timed.
        evaluations: judged candidates.
        failures: number of failures by kind.
        minutes: that the run was at work.
        environment: processor, PyTorch, compiler, noise floor.
    """

    id: str
    address: str
    level: str
    status: str = "waiting"
    reason: str = ""
    kind: str = ""
    problem: str = ""
    title: str = ""
    start: str = ""
    best: str = ""
    speedup: Mapping[str, Ends] = field(default_factory=dict)
    light: Mapping[str, float] = field(default_factory=dict)
    workloads: tuple[Mapping[str, Any], ...] = ()
    absent: Mapping[str, str] = field(default_factory=dict)
    evaluations: int = 0
    failures: Mapping[str, int] = field(default_factory=dict)
    minutes: float = 0.0
    environment: Mapping[str, Any] = field(default_factory=dict)

    @property
    def correct(self) -> bool:
        """Whether there is a verified kernel."""
        return bool(self.best)

    def to_plain(self) -> dict[str, Any]:
        """As JSON values; an open end of an interval is null."""
        ends = {name: [end if math.isfinite(end) else None for end in one] for name, one in self.speedup.items()}
        return {**asdict(self), "speedup": ends, "workloads": [dict(one) for one in self.workloads]}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Row:
        """The inverse of :meth:`to_plain`.

        Raises:
            ConfigError: it is no such line.
        """
        try:
            known = {one.name for one in fields(cls)}
            values = {name: value for name, value in plain.items() if name in known}
            values["speedup"] = {name: _ends(one) for name, one in plain["speedup"].items()}
            values["light"] = {name: float(one) for name, one in plain["light"].items()}
            made = cls(**{**values, "workloads": tuple(plain["workloads"])})
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise ConfigError(f"no line of results: {type(error).__name__}: {error}") from None
        if made.status not in STATUSES:
            raise ConfigError(f"no line of results: status {made.status!r}")
        return made


def waiting(entry: Entry) -> Row:
    """The line of a problem whose turn has not come."""
    return Row(entry.id, entry.address, entry.level)


def read_run(row: Row, folder: Path, work: Work | None) -> Row:
    """The line with what its run found.

    Args:
        row: with what was known before.
        folder: the run's directory.
        work: of the reference; None where it is not known: there is no score for the speed of light then.
    """
    with read(folder) as journal:
        return _of_journal(row, journal, work)


def _of_journal(row: Row, journal: Journal, work: Work | None) -> Row:
    environment, failures, first = journal.started.environment, Counter[str](), None
    judged, promoted = 0, None
    for event in journal.events():
        if isinstance(event, Evaluated):
            judged += 1
            first = first or event
            if event.outcome != "passed":
                failures[event.outcome] += 1
        elif isinstance(event, Promoted):
            promoted = event
        elif isinstance(event, RunResumed) and event.environment:
            environment = event.environment
    problem = from_description(journal.started.problem)
    found = replace(
        row,
        status="no kernel" if journal.ended else "interrupted",
        kind=work.kind if work else row.kind,
        problem=problem.hash,
        title=problem.title,
        absent=_absent(environment),
        evaluations=judged,
        failures=dict(failures),
        minutes=round(journal.elapsed / 60, 3),
        environment=_machine(environment),
    )
    evaluation = remeasured(journal, promoted.candidate) if promoted else None
    if promoted is None or not isinstance(evaluation, Passed):
        return replace(found, reason=_why_not(first, journal.ended))
    timings = [one for one in evaluation.timings if one.baseline != INCUMBENT]
    workloads = _workloads(problem, timings, work, environment)
    baselines = tuple(dict.fromkeys(one.baseline for one in timings))
    speeds = {name: value for name in baselines if (value := speedup(timings, name)) is not None}
    return replace(
        found,
        status="verified" if journal.ended else "interrupted",
        reason="",
        best=promoted.candidate,
        speedup={name: (one.median, one.low, one.high) for name, one in speeds.items()},
        light={name: share for name in baselines if (share := _light(name, workloads)) is not None},
        workloads=workloads,
        environment={**found.environment, "noise_floor": evaluation.environment.get("noise_floor")},
    )


def _why_not(first: Evaluated | None, ended: str) -> str:
    if first is not None and first.number == 0 and first.outcome != "passed":
        return f"the starting implementation failed: {first.outcome}: {first.message}"
    return "no kernel was promoted" if ended else "its run was interrupted"


def _workloads(
    problem: Problem, timings: Iterable[Timing], work: Work | None, environment: Mapping[str, Any]
) -> tuple[Mapping[str, Any], ...]:
    """Shape, times and bound of each workload, in nanoseconds."""
    rows: dict[str, dict[str, Any]] = {}
    peaks = _peaks(environment)
    for timing in timings:
        name = str(timing.workload)
        operations = work.operations.get(name) if work else None
        bound = (
            None
            if operations is None or peaks is None
            else peaks.bound_ns(problem, timing.workload, operations, timing.calls[0])
        )
        row = rows.setdefault(
            name,
            {
                "workload": name,
                "kernel_ns": median(timing.samples_ns),
                "operations": operations,
                "bytes": traffic(problem, timing.workload, environment),
                "bound_ns": bound,
                "baselines": {},
            },
        )
        its = median(timing.reference_samples_ns)
        # By the paired speedup: the medians of both sides may have been taken at other moments of a busy machine.
        share = closed(its, its / workload_speedup(timing).median, bound) if bound is not None else None
        row["baselines"][timing.baseline] = {"ns": its, "light": share}
    return tuple(rows.values())


def _light(baseline: str, workloads: Iterable[Mapping[str, Any]]) -> float | None:
    """The mean over the workloads that have a gap; None where none has."""
    shares = [one["baselines"][baseline]["light"] for one in workloads if baseline in one["baselines"]]
    known = [share for share in shares if share is not None]
    return fmean(known) if known else None


def _peaks(environment: Mapping[str, Any]) -> Peaks | None:
    try:
        return Peaks(environment)
    except ConfigError:
        return None


def _machine(environment: Mapping[str, Any]) -> dict[str, Any]:
    """What must be alike for two benchmarks to be compared."""
    hardware, reference = environment.get("hardware"), environment.get("reference")
    hardware = hardware if isinstance(hardware, Mapping) else {}
    reference = reference if isinstance(reference, Mapping) else {}
    found = {
        "processor": hardware.get("cpu"),
        "cores": hardware.get("cores"),
        "compiler": environment.get("toolchain"),
        "torch": reference.get("torch"),
        "threads": reference.get("threads"),
    }
    return {name: value for name, value in found.items() if value is not None}


def _absent(environment: Mapping[str, Any]) -> dict[str, str]:
    """Baselines that could not be timed, and why."""
    found: dict[str, str] = {}
    baselines = environment.get("baselines", {})
    for name, settings in baselines.items() if isinstance(baselines, Mapping) else ():
        reasons = settings.get("absent", {}) if isinstance(settings, Mapping) else {}
        if reasons:
            found[name] = str(next(iter(reasons.values())))
    return found


def _ends(stated: Any) -> Ends:
    middle, low, high = stated
    return float(middle), 0.0 if low is None else float(low), math.inf if high is None else float(high)
