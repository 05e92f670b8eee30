"""What a run leaves to take home: ``best/kernel.cpp`` or ``.cl``, complete in itself, and ``best/evidence.json``.

What the evidence holds is in :mod:`warploom.search.best.evidence`. Of a program that its own evaluator scores there is
no evidence: ``best/program.py`` stands with ``best/score.json``, which says what was said, and by whom.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from warploom.archive.encode import to_plain
from warploom.archive.journal import Journal
from warploom.errors import JournalError
from warploom.search.best.evidence import FILE, SCORE_FILE, ancestors, evidence, resolved_sources
from warploom.values.candidate import Proposal
from warploom.values.event import Promoted
from warploom.values.measure import PROGRAM
from warploom.values.outcome import Evaluation, Passed

FOLDER = "best"


def kernel_path(run: Path) -> Path:
    """The promoted kernel or program of a run; its name ends as its language's files do."""
    folder = run / FOLDER
    found = (path for stem in ("kernel", PROGRAM) for path in sorted(folder.glob(f"{stem}.*")))
    return next(found, folder / "kernel.cpp")


def write_best(
    journal: Journal, proposal: Proposal, evaluation: Evaluation, verdict: Promoted, environment: Mapping[str, Any]
) -> Path:
    """Write kernel and evidence of a promoted candidate, both or neither; returns the folder.

    Raises:
        JournalError: the run directory cannot be written.
    """
    if not isinstance(evaluation, Passed):
        raise JournalError(f"candidate {proposal.candidate.id} was promoted without having passed")
    sources = resolved_sources(proposal.candidate)
    return _put(journal, sources, FILE, evidence(journal, proposal, evaluation, verdict, environment))


def write_scored(
    journal: Journal, proposal: Proposal, evaluation: Evaluation, verdict: Promoted, environment: Mapping[str, Any]
) -> Path:
    """Write a program and what its evaluator said of it, likewise.

    Raises:
        JournalError: the run directory cannot be written.
    """
    if not isinstance(evaluation, Passed) or evaluation.score is None:
        raise JournalError(f"candidate {proposal.candidate.id} was promoted without a score")
    candidate, started = proposal.candidate, journal.started
    name = f"{PROGRAM}{Path(candidate.sources[0][0]).suffix}"
    document = {
        "score": evaluation.score.value,
        "by": "the folder's own evaluator; it is no speedup, and nobody measured it",
        "again": to_plain(evaluation.score),
        "candidate": candidate.id,
        "sha256": evaluation.build.sha256,
        "evaluator": {"hash": candidate.problem, **dict(started.problem)},
        "warploom": started.version,
        "environment": to_plain(environment),
        "config": dict(started.config),
        "lineage": to_plain(proposal.lineage),
        "ancestors": list(ancestors(journal, proposal.lineage)),
    }
    return _put(journal, [(name, candidate.source)], SCORE_FILE, document)


def remove_best(journal: Journal) -> None:
    """Take the folder away: what stood there is not the best any more, and nothing else is."""
    shutil.rmtree(journal.folder / FOLDER, ignore_errors=True)


def _put(journal: Journal, sources: list[tuple[str, str]], file: str, document: Mapping[str, Any]) -> Path:
    """The folder with sources and document, both or neither."""
    folder = journal.folder / FOLDER
    try:
        fresh = Path(tempfile.mkdtemp(prefix=".best-", dir=journal.folder))
        try:
            for name, text in sources:
                (fresh / name).write_text(text, encoding="utf-8")
            (fresh / file).write_text(json.dumps(document, indent=1) + "\n")
            fresh.chmod(0o755)
            for path in fresh.iterdir():
                _flush(path)
            _exchange(fresh, folder)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    except OSError as error:
        raise JournalError(f"cannot write {folder} with {sources[0][0]}: {error.strerror}") from None
    return folder


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
