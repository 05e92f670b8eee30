"""One problem's turn in a benchmark: loaded, looked at, audited where that is wanted, given a start, evolved."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from warploom.archive.database import FILE, unborn
from warploom.errors import JournalError, ProblemError, ReferenceFailed, SourceError
from warploom.search.run import Run
from warploom.search.state import State
from warploom.search.suite.listing import Entry
from warploom.search.suite.plan import write_whole
from warploom.search.suite.row import Row, read_run, waiting
from warploom.search.suite.tools import Note, Tools
from warploom.values.audit import Audit
from warploom.values.config import RunConfig
from warploom.values.event import Event
from warploom.values.problem import Problem
from warploom.values.work import Work

RUNS, SEEDS, WORK, AUDITS = "runs", "seeds", "work", "audits"
"""Folders of a benchmark's directory; each holds one file or folder a problem."""

MOST_NAMED = 3
"""Survivors of an audit that a line names."""


class View(Protocol):
    """Shows how one problem's turn goes."""

    def note(self, line: str) -> None:
        """Told what is being done."""
        ...

    def take_up(self, run: Run) -> None:
        """The run is open, and about to go on."""
        ...

    def observe(self, event: Event, state: State) -> None:
        """Told every event of the run."""
        ...


Watch = Callable[[], AbstractContextManager[View]]
"""Opened for each problem's turn."""


@dataclass(frozen=True)
class Turn:
    """What every problem's turn shares.

    Attributes:
        folder: of the benchmark.
        config: of every run; problem and start are filled in.
        quarantine: whether a problem that fails its audit is left out.
        tools: what does the work.
        watch: shows how a run goes.
    """

    folder: Path
    config: RunConfig
    quarantine: bool
    tools: Tools
    watch: Watch

    def take(self, entry: Entry) -> Row:
        """Evolve a problem, or go on with it; returns its line.

        Raises:
            InputError: nothing can be evolved here as it is: no compiler, no model.
        """
        row, run = waiting(entry), self.folder / RUNS / entry.id
        try:
            with self.watch() as view:
                problem = self.tools.load(entry.address)
                row = replace(row, problem=problem.hash, title=problem.title)
                work = self._work(entry, problem, view.note)
                row = replace(row, kind=work.kind if work else "")
                if self.quarantine and (found := self._faults(entry, problem, view.note)):
                    return replace(row, status="quarantined", reason=found)
                start, whose = self._start(entry, problem, view.note)
                row = replace(row, start=whose)
                self._evolve(entry, run, start, view)
        except (ProblemError, SourceError, JournalError, ReferenceFailed) as error:
            return self._failed(row, run, str(error))
        return read_run(row, run, work)

    def _failed(self, row: Row, run: Path, reason: str) -> Row:
        """The line of a problem whose run could not begin or go on; one that came to its end says how."""
        if _begun(run):
            with suppress(JournalError):
                found = read_run(row, run, None)
                if found.status != "interrupted":
                    return found
        return replace(row, status="not started", reason=reason)

    def _evolve(self, entry: Entry, run: Path, start: str, view: View) -> None:
        if _begun(run):
            opened = self.tools.reopen(run, view.note)
        else:
            opened = self.tools.start(run, replace(self.config, problem=entry.address, start=start), view.note)
        with opened:
            view.take_up(opened)
            opened.go(view.observe)

    def _start(self, entry: Entry, problem: Problem, note: Note) -> tuple[str, str]:
        """The starting source, "" for the one beside the problem; and whose it is.

        Raises:
            ProblemError: there is none, and none can be made.
        """
        target = self.config.target
        try:
            self.tools.find_seed(entry.address, target)
        except ProblemError:
            path = self.folder / SEEDS / f"{entry.id}.{problem.hash}.{target}"
            if not path.is_file():
                note("lowering the reference")
                try:
                    text = self.tools.lower(problem, target)
                except ProblemError as error:
                    raise ProblemError(f"no seed: {error}") from None
                except Exception as error:  # a fault of the lowering costs one problem, not the suite
                    said = " ".join(str(error).split())[:200]
                    raise ProblemError(f"no seed: the lowering failed: {type(error).__name__}: {said}") from error
                write_whole(path, text)
            return str(path.absolute()), "lowered"
        return "", "own"

    def _work(self, entry: Entry, problem: Problem, note: Note) -> Work | None:
        """What the reference does, remembered; None where that cannot be told."""
        path = self.folder / WORK / f"{entry.id}.json"
        kept = _recall(path, problem)
        try:
            return Work.from_plain(kept["work"])
        except (LookupError, ValueError):
            note("counting what the reference does")
        try:
            work = self.tools.work(problem)
        except ReferenceFailed as error:
            note(f"what the reference does cannot be counted: {error}")
            return None
        _remember(path, problem, {"work": work.to_plain()})
        return work

    def _faults(self, entry: Entry, problem: Problem, note: Note) -> str:
        """Why the problem fails its audit, remembered; "" when it passes."""
        path = self.folder / AUDITS / f"{entry.id}.json"
        kept = _recall(path, problem)
        if isinstance(kept.get("faults"), str):
            return str(kept["faults"])
        note("auditing the problem")
        faults = faults_of(self.tools.audit(problem, note))
        _remember(path, problem, {"faults": faults})
        return faults


def faults_of(audit: Audit) -> str:
    """Why a problem fails its audit, in a line; "" when it passes."""
    said = [finding.what for finding in audit.findings if finding.grave]
    titles = [trial.pretender.title for trial in audit.survivors]
    if titles:
        more = f" and {len(titles) - MOST_NAMED} more" if len(titles) > MOST_NAMED else ""
        said.append(f"wrong answers pass its checks: {'; '.join(titles[:MOST_NAMED])}{more}")
    return "; ".join(said)


def _begun(run: Path) -> bool:
    """Whether a run was begun in this directory."""
    return (run / FILE).exists() and not unborn(run / FILE)


def _recall(path: Path, problem: Problem) -> Mapping[str, Any]:
    """What was remembered of this very problem; nothing where it changed."""
    try:
        kept = json.loads(path.read_bytes())
        return dict(kept) if kept["problem"] == problem.hash else {}
    except (OSError, ValueError, LookupError, TypeError):
        return {}


def _remember(path: Path, problem: Problem, found: Mapping[str, Any]) -> None:
    write_whole(path, json.dumps({"problem": problem.hash, **found}, indent=1) + "\n")
