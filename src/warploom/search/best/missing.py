"""Why a run has no best kernel, and what helps: a command that can be given, or what is to be mended first."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from warploom.archive.journal import Journal
from warploom.errors import SourceError
from warploom.values.config import RunConfig
from warploom.values.event import Proposed
from warploom.values.measure import PROGRAM, measure_of
from warploom.values.outcome import Evaluation, Failed


def why_missing(journal: Journal) -> str:
    """What to do about a run without a promoted candidate, in a line.

    Args:
        journal: of a run in which nothing stands promoted.
    """
    config = journal.started.config
    if (seed := _first(journal)) is not None and isinstance(seed, Failed):
        return seed_failed(config, seed)
    what = f"no promoted {measure_of(config).what}"
    if reason := journal.ended:
        return f"{what}, and the run has ended ({reason}); {_anew(config)} begins another"
    return f"{what} yet; go on with: warploom resume {shlex.quote(str(journal.folder))}"


def seed_failed(config: Mapping[str, Any], seed: Evaluation | None) -> str:
    """The same where the starting source failed: no run goes on without it.

    Args:
        config: of the run.
        seed: what came of the starting source.
    """
    reason = getattr(seed, "message", "it was not timed")
    said = f"the starting source of {config['problem']} failed: {reason}"
    if config.get("target") == PROGRAM:
        return f"{said}; mend the program and begin a new run: {_anew(config)}"
    start = str(config.get("start", ""))
    mend = f"mend {start}" if start else "write one that is right"
    return f"{said}; {mend} and begin a new run: {_anew(config, start or 'FILE')}"


def refuse_failed_seed(journal: Journal) -> None:
    """Whether a run could go on at all, before a judge is made ready for it.

    Raises:
        SourceError: its starting source failed.
    """
    if isinstance(seed := _first(journal), Failed):
        raise SourceError(seed_failed(journal.started.config, seed))


def _first(journal: Journal) -> Evaluation | None:
    """What came of the first candidate; None where that is not known yet."""
    first = next((event for event in journal.events() if isinstance(event, Proposed)), None)
    return journal.evaluation(first.candidate) if first else None


def _anew(config: Mapping[str, Any], start: str = "") -> str:
    """The command that begins a run of the same problem."""
    words = ["warploom", "evolve", str(config["problem"])]
    if config.get("target") not in (PROGRAM, RunConfig.target, None):
        words += ["--target", str(config["target"])]
    return shlex.join([*words, *(["--start", start] if start else [])])
