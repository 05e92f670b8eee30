"""One run that is followed: its history up to the newest event, and how it stands."""

from __future__ import annotations

import gc
import math
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warploom.archive.islands import strategy_of
from warploom.archive.journal import Journal, read
from warploom.archive.remeasured import remeasured
from warploom.errors import WarploomError
from warploom.report.evaluation import cautions
from warploom.report.html.history import History
from warploom.report.html.story import noise_floor
from warploom.report.progress import made_by
from warploom.report.spending import ModelsReport
from warploom.report.steered import steered
from warploom.report.tally import Record
from warploom.report.ui.at_work import at_work
from warploom.search.proposers import waits
from warploom.search.steering.inbox import waiting
from warploom.search.steering.wishes import Wishes
from warploom.values.config import RunConfig
from warploom.values.ends import ends_of
from warploom.values.event import (
    Event,
    NotPromoted,
    Promoted,
    RunEnded,
    RunPaused,
    RunResumed,
    RunStarted,
    Steered,
)
from warploom.values.outcome import Passed
from warploom.values.speedup import ratio

MOST_NEWS = 40

SLICE = 45_000
"""Events that are read at a time, so that a long run is seen while it is read."""

LOOK_SECONDS = 1.0
"""Between two looks at the inbox and at who holds the run."""


@dataclass(frozen=True)
class News:
    """Something worth telling: after how many candidates, in words, and about which candidate ("" for none)."""

    place: int
    words: str
    candidate: str = ""


class Following(History):
    """A history that also knows how the run is steered, and what was worth telling of late.

    Args:
        journal: open for reading.
    """

    def __init__(self, journal: Journal) -> None:
        self.wishes = Wishes()
        self.paused = False
        self.news: deque[News] = deque(maxlen=MOST_NEWS)
        super().__init__(journal, 1)

    def _rose(self, record: Record) -> None:
        super()._rose(record)
        made = made_by(record.operator, record.note) or "the seed"
        self._tell(f"{ratio(math.exp(record.fitness))}× as screened, by {made}", record.candidate)

    def _turned(self, event: Event) -> None:
        stood = self.best.candidate if self.best else ""
        super()._turned(event)
        self.wishes.apply(event)
        match event:
            case RunStarted() | RunResumed() | RunEnded():
                self.paused = False
            case Steered(command="pause" | "resume", refused=""):
                self.paused = event.command == "pause"
        match event:
            case Promoted():
                what = "measured once more, on a calmer machine:" if event.candidate == stood else "promoted at"
                self._tell(f"{what} {ratio(math.exp(event.fitness))}× the speed of eager", event.candidate)
            case NotPromoted():
                self._tell(f"not promoted: {event.reason}", event.candidate)
            case Steered():
                self._tell(steered(event), event.member.candidate if event.member else "")
            case RunResumed():
                self._tell("resumed")
            case RunPaused() | RunEnded():
                self._tell(f"{'ended' if isinstance(event, RunEnded) else 'interrupted'}: {event.reason}")

    def _tell(self, words: str, candidate: str = "") -> None:
        self.news.append(News(self.tally.evaluations, words, candidate))


@contextmanager
def _unswept() -> Iterator[None]:
    """Without Python's search for cycles: events make none, and it would go through all that is known ever again."""
    sweeps = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if sweeps:
            gc.enable()


class Followed:
    """A run and what is known of it by now. Belongs to the thread that opened it.

    Args:
        folder: the run directory.

    Raises:
        JournalError: there is no run, or it is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = folder.resolve().name
        self.journal = read(folder)
        self.history = Following(self.journal)
        self.config = RunConfig.from_mapping(self.history.started.config)
        self.fault = ""
        self._looked = -math.inf
        self._around: tuple[bool | None, int] = (None, 0)
        self._passed: tuple[Promoted | None, Passed | None] = (None, None)
        self.look()

    def look(self) -> bool:
        """Take in what is new; returns whether anything is."""
        before = (self.fault, self._around)
        fresh = 0
        try:
            with _unswept():
                fresh = self.history.read_on(self.journal, SLICE)
                if fresh >= SLICE:
                    gc.freeze()  # what is known of a long run stays: no later search needs to go through it
            self.fault = ""
        except WarploomError as error:
            self.fault = str(error)
        if fresh or time.monotonic() - self._looked >= LOOK_SECONDS:
            self._looked = time.monotonic()
            self._around = at_work(self.folder), len(waiting(self.folder, self.history.wishes.taken))
        return fresh > 0 or (self.fault, self._around) != before

    @property
    def read(self) -> float:
        """How much of the journal has been read, 0 to 1: of what was there when it was opened."""
        return min(1.0, self.history.seen / self.journal.length)

    @property
    def passed(self) -> Passed | None:
        """The evaluation of the promoted best when it was measured again."""
        best = self.history.best
        if best is None:
            return None
        if self._passed[0] != best:
            found = remeasured(self.journal, best.candidate)
            self._passed = best, found if isinstance(found, Passed) else None
        return self._passed[1]

    @property
    def noise_floor(self) -> float:
        """Smallest difference of log speedups that means anything; 0 where it is unknown."""
        return noise_floor(self.history, self.passed)

    @property
    def state(self) -> str:
        """One of: "at work", "paused", "interrupted", "ended", "left" (nobody is at work on it), "unknown"."""
        history, held = self.history, self._around[0]
        if history.finished:
            return "ended"
        if held is False:
            return "interrupted" if history.ended else "left"
        if history.paused:
            return "paused"
        return "at work" if held else "unknown"

    def to_object(self) -> dict[str, Any]:
        """How the run stands, as JSON values."""
        history, tally, passed = self.history, self.history.tally, self.passed
        best, record = history.best, tally.record
        models = ModelsReport(self.journal.conversations.by_model(), tally)
        return {
            "name": self.name,
            "folder": str(self.folder),
            "problem": tally.problem,
            "title": str(history.started.problem.get("title") or tally.problem),
            "state": self.state,
            "ended": history.ended,
            "fault": self.fault,
            "seen": history.seen,
            "read": self.read,
            "judged": tally.evaluations,
            "limit": self.config.evaluations,
            "passed": tally.passed,
            "failures": dict(tally.failures.most_common()),
            "declined": tally.declined,
            "promotions": tally.promotions,
            "best": best
            and {
                "candidate": best.candidate,
                "speedup": {name: list(ends) for name, ends in best.speedup.items()},
                "roofline": best.roofline,
                "cautions": [said.plain for said in cautions(passed.environment)] if passed else [],
            },
            "record": record
            and {
                "candidate": record.candidate,
                "speedup": [math.exp(end) for end in (record.fitness, *ends_of(record))],
                "place": record.evaluation,
            },
            "proposers": list(tally.proposed),
            "seconds": history.seconds,
            "minutes": self.config.minutes,
            "strategy": strategy_of(self.config),
            "islands": len(history.filling.now.islands),
            "models": models.line(),
            "asks": waits(self.config) or history.outside,
            "pinned": history.wishes.pinned.candidate if history.wishes.pinned else "",
            "hints": list(history.wishes.hints),
            "waiting": self._around[1],
            "news": [[one.place, one.words, one.candidate] for one in reversed(history.news)],
        }
