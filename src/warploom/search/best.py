"""What a run leaves to take home: ``best/kernel.cpp``, complete in itself, and ``best/evidence.json``.

The evidence holds what every number rests on: sources with hashes, the problem and its hash, toolchain and flags,
the machine, the raw paired samples, the seeds they were verified with, the baselines, the noise floor, the lineage.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from warploom.archive.encode import to_plain
from warploom.archive.journal import Journal
from warploom.errors import JournalError
from warploom.syntax import tune
from warploom.values.candidate import Lineage, Proposal
from warploom.values.event import Promoted
from warploom.values.outcome import Evaluation, Failed, Passed
from warploom.values.speedup import Speedup, speedup, workload_speedup

FOLDER = "best"
MOST_ANCESTORS = 1000


def write_best(
    journal: Journal, proposal: Proposal, evaluation: Evaluation, verdict: Promoted, environment: Mapping[str, Any]
) -> Path:
    """Write kernel and evidence of a promoted candidate, both or neither; returns the folder.

    Raises:
        JournalError: the run directory cannot be written.
    """
    if not isinstance(evaluation, Passed):
        raise JournalError(f"candidate {proposal.candidate.id} was promoted without having passed")
    candidate = proposal.candidate
    folder = journal.folder / FOLDER
    try:
        fresh = Path(tempfile.mkdtemp(prefix=".best-", dir=journal.folder))
        try:
            for name, text in resolved_sources(proposal):
                (fresh / name).write_text(text)
            document = evidence(journal, proposal, evaluation, verdict, environment)
            (fresh / "evidence.json").write_text(json.dumps(document, indent=1) + "\n")
            fresh.chmod(0o755)
            for path in fresh.iterdir():
                _flush(path)
            _exchange(fresh, folder)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    except OSError as error:
        raise JournalError(f"cannot write {folder} for candidate {candidate.id}: {error.strerror}") from None
    return folder


def resolved_sources(proposal: Proposal) -> list[tuple[str, str]]:
    """The sources with every parameter written in; the main file is called ``kernel`` with its own suffix."""
    candidate = proposal.candidate
    (name, text), *others = candidate.sources
    main = f"kernel{Path(name).suffix}"
    return [(main, tune.resolve(text, dict(candidate.parameters))), *((Path(n).name, t) for n, t in others)]


def evidence(
    journal: Journal, proposal: Proposal, evaluation: Passed, verdict: Promoted, environment: Mapping[str, Any]
) -> dict[str, Any]:
    """Everything the speedup rests on, as JSON values."""
    candidate = proposal.candidate
    found = speedups(evaluation)
    started = journal.started
    return {
        "warploom": started.version,
        "candidate": candidate.id,
        "problem": {"hash": candidate.problem, **started.problem},
        "sources": [
            {"name": name, "sha256": hashlib.sha256(text.encode()).hexdigest(), "text": text}
            for name, text in resolved_sources(proposal)
        ],
        "parameters": dict(candidate.parameters),
        "build_flags": list(candidate.build_flags),
        "toolchain": evaluation.build.toolchain,
        "command": list(evaluation.build.command),
        "facts": to_plain(evaluation.build.facts),
        "speedup": {name: {"median": s.median, "low": s.low, "high": s.high} for name, s in found.items()},
        "workloads": [
            {
                "workload": str(timing.workload),
                "baseline": timing.baseline,
                "median": (own := workload_speedup(timing)).median,
                "low": own.low,
                "high": own.high,
            }
            for timing in evaluation.timings
        ],
        "roofline_fraction": verdict.roofline,
        "timings": to_plain(evaluation.timings),
        "checks": to_plain(evaluation.verdict.checks),
        "measured_in": to_plain(evaluation.environment),
        "environment": to_plain(environment),
        "config": dict(started.config),
        "lineage": to_plain(proposal.lineage),
        "ancestors": list(ancestors(journal, proposal.lineage)),
    }


def speedups(evaluation: Evaluation) -> dict[str, Speedup]:
    """Baseline → speedup over all workloads; empty for a failure."""
    if isinstance(evaluation, Failed):
        return {}
    found: dict[str, Speedup] = {}
    for baseline in dict.fromkeys(timing.baseline for timing in evaluation.timings):
        value = speedup(evaluation.timings, baseline)
        if value is not None:
            found[baseline] = value
    return found


def ancestors(journal: Journal, lineage: Lineage) -> Iterator[dict[str, Any]]:
    """The line of first parents, back to the seed."""
    seen: set[str] = set()
    while lineage.parents and lineage.parents[0] not in seen and len(seen) < MOST_ANCESTORS:
        parent = lineage.parents[0]
        seen.add(parent)
        lineage = journal.proposal(parent).lineage
        yield {"candidate": parent, "proposer": lineage.proposer, "operator": lineage.operator, "note": lineage.note}


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _exchange(fresh: Path, folder: Path) -> None:
    """Put the new folder in the old one's place. The old one stays until the new one is there."""
    old = folder.with_name(f".{FOLDER}-old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    fresh.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
