"""What a run leaves to take home: ``best/kernel.cpp`` or ``.cl``, complete in itself, and ``best/evidence.json``.

What the evidence holds is in :mod:`warploom.search.evidence`.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from warploom.archive.journal import Journal
from warploom.errors import JournalError
from warploom.search.evidence import FILE, evidence, resolved_sources
from warploom.values.candidate import Proposal
from warploom.values.event import Promoted
from warploom.values.outcome import Evaluation, Passed

FOLDER = "best"


def kernel_path(run: Path) -> Path:
    """The promoted kernel of a run; its name ends as its language's files do."""
    folder = run / FOLDER
    return next((path for path in sorted(folder.glob("kernel.*"))), folder / "kernel.cpp")


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
            for name, text in resolved_sources(proposal.candidate):
                (fresh / name).write_text(text)
            document = evidence(journal, proposal, evaluation, verdict, environment)
            (fresh / FILE).write_text(json.dumps(document, indent=1) + "\n")
            fresh.chmod(0o755)
            for path in fresh.iterdir():
                _flush(path)
            _exchange(fresh, folder)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    except OSError as error:
        raise JournalError(f"cannot write {folder} for candidate {candidate.id}: {error.strerror}") from None
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
