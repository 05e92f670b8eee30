"""The evidence of a promoted kernel: everything its speedup rests on, written as JSON and read back with distrust.

``claim`` stands first and is what people read: the speedup over every baseline, with intervals, over all workloads, and
the floor below which nothing means anything. Everything after it is what the claim follows from, so that a reader can
derive it again from the raw samples (:func:`read_evidence` does) or judge the kernel anew (``warploom verify``).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from warploom.archive.encode import from_plain, to_plain
from warploom.archive.journal import Journal
from warploom.errors import ProblemError, SourceError
from warploom.judge.promotion import INCUMBENT
from warploom.problems.native import read, text_hash
from warploom.syntax import launch, tune
from warploom.values.candidate import Candidate, Lineage, Proposal
from warploom.values.event import Promoted, RunStarted
from warploom.values.outcome import Passed, Timing
from warploom.values.speedup import Speedup, over_workloads, speedup, workload_speedup

FORMAT = 2
FILE = "evidence.json"
SCORE_FILE = "score.json"
"""What stands in its place beside a program that has a score, and no evidence of anything."""

MOST_ANCESTORS = 1000
MOST_ROUNDING = 1e-6
"""A claim may differ from what its samples say by so much, as a share."""


@dataclass(frozen=True)
class Evidence:
    """Evidence that was read and agrees with itself.

    Attributes:
        path: of the file.
        document: all of it.
        candidate: the kernel as it was judged, parameters written in.
        timings: the raw paired samples.
    """

    path: Path
    document: Mapping[str, Any]
    candidate: Candidate
    timings: tuple[Timing, ...]

    @property
    def claimed(self) -> Speedup:
        """The speedup over eager, derived from the samples."""
        found = speedup(self.timings)
        assert found is not None, "read_evidence saw to that"
        return found


def evidence(
    journal: Journal, proposal: Proposal, evaluation: Passed, verdict: Promoted, environment: Mapping[str, Any]
) -> dict[str, Any]:
    """Everything the speedup rests on, as JSON values."""
    candidate, started = proposal.candidate, journal.started
    return {
        "format": FORMAT,
        "claim": claim(proposal, evaluation, verdict, started, environment),
        "warploom": started.version,
        "candidate": candidate.id,
        "problem": {"hash": candidate.problem, **started.problem, "file": problem_file(started.problem)},
        "sources": [
            {"name": name, "sha256": _sha256(text), "text": text} for name, text in resolved_sources(proposal.candidate)
        ],
        "entry_point": candidate.entry_point,
        "language": candidate.language,
        "parameters": dict(candidate.parameters),
        "build_flags": list(candidate.build_flags),
        "toolchain": evaluation.build.toolchain,
        "command": list(evaluation.build.command),
        "facts": to_plain(evaluation.build.facts),
        "mint": to_plain(evaluation.mint),
        "speedup": {name: ends(value) for name, value in speedups(evaluation).items() if name != INCUMBENT},
        "over_the_best_before": best_before(evaluation),
        "workloads": [
            {"workload": str(timing.workload), "baseline": timing.baseline, **ends(workload_speedup(timing))}
            for timing in evaluation.timings
        ],
        "roofline_fraction": verdict.roofline,
        "timings": to_plain(evaluation.timings),
        "checks": to_plain(evaluation.verdict.checks),
        "seeds": [check.seed for check in evaluation.verdict.checks],
        "measured_in": to_plain(evaluation.environment),
        "environment": to_plain(environment),
        "config": dict(started.config),
        "lineage": to_plain(proposal.lineage),
        "ancestors": list(ancestors(journal, proposal.lineage)),
        "proposed": [{"name": name, "sha256": _sha256(text), "text": text} for name, text in candidate.sources],
    }


def claim(
    proposal: Proposal, evaluation: Passed, verdict: Promoted, started: RunStarted, environment: Mapping[str, Any]
) -> dict[str, Any]:
    """What is claimed, in a dozen lines: speedups over the baselines, and where they were measured."""
    reference = environment.get("reference", {})
    hardware = environment.get("hardware", {})
    names = [name for name in speedups(evaluation) if name != INCUMBENT]
    return {
        "problem": started.problem.get("name", ""),
        "speedup": {name: in_three_numbers(evaluation.timings, name) for name in names},
        "noise_floor": evaluation.environment.get("noise_floor"),
        "busy": evaluation.environment.get("busy"),
        "unwatched": evaluation.environment.get("unwatched", []),
        "roofline_fraction": verdict.roofline,
        "hardware": hardware.get("cpu", "") if isinstance(hardware, Mapping) else str(hardware),
        "toolchain": evaluation.build.toolchain,
        "torch": reference.get("torch", "") if isinstance(reference, Mapping) else "",
        "calibration": evaluation.environment.get("calibration"),
        "kernel": resolved_sources(proposal.candidate)[0][0],
    }


def in_three_numbers(timings: Sequence[Timing], baseline: str) -> dict[str, Any]:
    """Geometric mean, middle and worst over the workloads, each with its interval."""
    found = over_workloads(timings, baseline)
    assert found is not None
    worst = {"workload": found.worst_workload, **ends(found.worst)}
    return {"geomean": ends(found.geomean), "middle": ends(found.middle), "worst": worst}


def best_before(evaluation: Passed) -> dict[str, Any] | None:
    """How much faster than the best before it, side by side: no baseline, but what the promotion rests on."""
    found = speedup(evaluation.timings, INCUMBENT)
    if found is None:
        return None
    return {"candidate": evaluation.environment.get("incumbent", ""), **ends(found)}


def ends(value: Speedup) -> dict[str, float | None]:
    """Median and interval as JSON values; null where an end is unknown."""
    return {"median": value.median, "low": value.low, "high": value.high if math.isfinite(value.high) else None}


def speedups(evaluation: Passed) -> dict[str, Speedup]:
    """Baseline → speedup over all workloads."""
    found: dict[str, Speedup] = {}
    for baseline in dict.fromkeys(timing.baseline for timing in evaluation.timings):
        value = speedup(evaluation.timings, baseline)
        if value is not None:
            found[baseline] = value
    return found


def problem_file(description: Mapping[str, Any]) -> dict[str, str] | None:
    """Name and text of the problem file, to run it again elsewhere; None when it is gone or has changed."""
    reference = description.get("reference", {})
    try:
        path = Path(reference["path"])
        text = read(path)
    except (ProblemError, LookupError, TypeError):
        return None
    return {"name": path.name, "text": text} if text_hash(text) == reference.get("sha256") else None


def resolved_sources(candidate: Candidate) -> list[tuple[str, str]]:
    """The sources with every parameter written in; the main file is called ``kernel`` with its own suffix.

    Where a LAUNCH line may name parameters, they stay parameters, of one value each.
    """
    (name, text), *others = candidate.sources
    written = tune.settle if launch.declared(text) else tune.resolve
    main = f"kernel{Path(name).suffix}"
    return [(main, written(text, dict(candidate.parameters))), *((Path(n).name, t) for n, t in others)]


def ancestors(journal: Journal, lineage: Lineage) -> Iterator[dict[str, Any]]:
    """The line of first parents, back to the seed."""
    seen: set[str] = set()
    while lineage.parents and lineage.parents[0] not in seen and len(seen) < MOST_ANCESTORS:
        parent = lineage.parents[0]
        seen.add(parent)
        lineage = journal.proposal(parent).lineage
        yield {"candidate": parent, "proposer": lineage.proposer, "operator": lineage.operator, "note": lineage.note}


# ------------------------------------------------------------ reading


def read_evidence(place: Path) -> Evidence:
    """Read evidence and see that it agrees with itself: hashes, candidate, claim.

    Args:
        place: ``evidence.json``, or the folder that holds it beside the kernel.

    Raises:
        SourceError: missing, not evidence, or tampered with; the message says what does not agree.
    """
    path = place / FILE if place.is_dir() else place
    if not path.exists() and path.with_name(SCORE_FILE).is_file():
        raise SourceError(f"{path.parent} holds a program with a score: no speedup was measured, there is no evidence")
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}; give a run's best/ folder or its {FILE}") from None
    except ValueError as error:
        raise SourceError(f"{path} is not JSON: {error}") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        found = document.get("format", "none") if isinstance(document, dict) else "none"
        raise SourceError(f"{path} is not evidence of format {FORMAT} (it has {found}); promote the kernel again")
    try:
        candidate = _candidate(path, document)
        timings = cast(tuple[Timing, ...], from_plain(tuple[Timing, ...], document["timings"]))
        _check_claim(path, document, timings)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise SourceError(f"{path} is damaged: {type(error).__name__}: {error}") from None
    return Evidence(path, document, candidate, timings)


def _candidate(path: Path, document: Mapping[str, Any]) -> Candidate:
    """The kernel, once every hash agrees with the text it stands for."""
    for entry in (*document["sources"], *document["proposed"]):
        if _sha256(entry["text"]) != entry["sha256"]:
            raise SourceError(f"{path}: the text of {entry['name']} has not the hash {entry['sha256']} stated with it")
    for entry in document["sources"]:
        beside = path.with_name(Path(entry["name"]).name)
        if beside.exists() and hashlib.sha256(beside.read_bytes()).hexdigest() != entry["sha256"]:
            raise SourceError(f"{beside} is not the kernel of {path}: the evidence names sha256 {entry['sha256']}")
    problem, language, entry_point = document["problem"]["hash"], document["language"], document["entry_point"]
    flags = tuple(document["build_flags"])
    proposed = Candidate(
        problem,
        language,
        tuple((entry["name"], entry["text"]) for entry in document["proposed"]),
        entry_point,
        tuple(document["parameters"].items()),
        flags,
    )
    sources = tuple((entry["name"], entry["text"]) for entry in document["sources"])
    if {proposed.id} != {document["candidate"], document["mint"]["candidate"]}:
        raise SourceError(f"{path}: candidate and mint are not {proposed.id}, the hash of what was proposed")
    if resolved_sources(proposed) != list(sources):
        raise SourceError(f"{path}: the kernel is not what was proposed with its parameters written in")
    return Candidate(problem, language, sources, entry_point, build_flags=flags)


def _check_claim(path: Path, document: Mapping[str, Any], timings: Sequence[Timing]) -> None:
    """What is claimed must follow from the raw samples."""
    claimed = document["claim"]["speedup"]
    if "eager" not in claimed:
        raise SourceError(f"{path} claims no speedup over eager")
    for baseline, numbers in claimed.items():
        found = over_workloads(timings, baseline)
        for name in ("geomean", "middle", "worst"):
            stated = float(numbers[name]["median"])
            derived = math.nan if found is None else getattr(found, name).median
            if not abs(stated / derived - 1) <= MOST_ROUNDING:
                raise SourceError(
                    f"{path}: the claim of {stated:.4g}× over {baseline} ({name}) does not follow from the samples, "
                    f"which say {derived:.4g}×"
                )


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
