"""The live view of a run: one calm block on a terminal, a line for each thing that matters elsewhere."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from warploom.report.sparkline import sparkline
from warploom.report.spending import spent
from warploom.report.steered import PAUSED, steered
from warploom.report.tally import Tally
from warploom.values.ends import Measured, ends_of
from warploom.values.event import PACE, Evaluated, Event, NotPromoted, Promoted, RunPaused, Steered
from warploom.values.exchange import Spending
from warploom.values.measure import SPEEDUP

HEARTBEAT_SECONDS = 30.0
"""Without a terminal, a line at least this often while candidates are judged."""

MOST_ISLANDS = 6
FINISHING = "at a limit: the best few are measured again, in fresh processes"
"""What the view says between the last candidate and the end, which can take longer than many candidates."""

LABEL = 11
"""Columns of the labels on the left."""


class Progress:
    """Follows a run. Use it as a context manager and hand :meth:`observe` to the run.

    Args:
        console: where to draw; a console that is no terminal gets plain lines.
        clock: seconds, for tests.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self.tally = Tally()
        self._console = console
        self._clock = clock
        self._began = clock()
        self._before = self.tally.evaluations
        self._seconds_before = 0.0
        self._spoke = self._began
        self._doing = "starting"
        self._paused = False
        self._live: Live | None = None
        self._spending: Callable[[], Spending] = Spending

    def __enter__(self) -> Progress:
        if self._console.is_terminal:
            self._live = Live(get_renderable=self.render, console=self._console, refresh_per_second=4, transient=True)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def take_up(self, tally: Tally, seconds: float, spending: Callable[[], Spending] = Spending) -> None:
        """Go on from what is known of earlier sittings.

        Args:
            tally: of the journal's events.
            seconds: that the run was at work; they count towards its budget of time.
            spending: tells what models have cost by now.
        """
        self._spending = spending
        self.tally = tally
        self._before = tally.evaluations
        self._seconds_before = seconds
        self._began = self._clock()

    def note(self, line: str) -> None:
        """Say what is being done, for the long moments before the first candidate; later on, a remark to keep."""
        if self._live is None:
            self._say(line)
        elif self.tally.config:
            self._say(line)  # above the view
            return
        self._doing = line

    def observe(self, event: Event, state: object = None) -> None:
        """Count an event; on a console that is no terminal, print what matters."""
        best, promoted = self.tally.record, self.tally.promoted
        self.tally.add(event)
        self._doing = ""
        if isinstance(event, Steered):
            paced = event.command in PACE and not event.refused
            self._paused = event.command == "pause" if paced else self._paused
            self._say(steered(event))
        if self._live is not None:
            return
        match event:
            case Evaluated() if self.tally.record is not best:
                self._say(f"{self._count()}: {self._record_line()}")
            case Evaluated() if self._clock() - self._spoke >= HEARTBEAT_SECONDS:
                said = "; ".join(filter(None, (self._best_line(), self._pace_line(), self._models_line())))
                self._say(f"{self._count()}: {said}")
            case Promoted():
                again = promoted is not None and promoted.candidate == event.candidate
                what = "measured once more, on a calmer machine:" if again else "promoted"
                self._say(f"{self._count()}: {what} {event.candidate}, {self._best_line()}")
            case NotPromoted():
                self._say(f"{self._count()}: not promoted: {event.candidate}: {event.reason}")
            case RunPaused():
                self._say(f"paused: {event.reason}")

    def _say(self, line: str) -> None:
        self._spoke = self._clock()
        self._console.print(line, soft_wrap=True, markup=False)

    # What the view shows, a line each.

    def render(self) -> RenderableType:
        """The block as it stands now, at most 80 columns wide."""
        tally = self.tally
        width = max(20, min(self._console.width, 80) - LABEL)
        head = Text.assemble((tally.problem or "warploom", "bold"), (f"  {clock_face(self._elapsed())}", "dim"))
        head.truncate(width + LABEL, overflow="ellipsis")
        if self._doing and not tally.evaluations:
            return Group(head, _line("now", self._doing, "", width))
        lines: list[tuple[str, str, str]] = [("best", self._best_line(), "bold")]
        if len(tally.curve) > 1:
            lines.append(("", sparkline(tally.curve, min(width, 60)), "cyan"))
        lines.append(("judged", self._pace_line(), ""))
        if models := self._models_line():
            lines.append(("models", models, ""))
        if tally.failures:
            counts = " · ".join(f"{kind} {count}" for kind, count in tally.failures.most_common(4))
            lines.append(("failures", counts, ""))
        if tally.islands:
            lines.append(("islands", self._islands_line(), ""))
        if tally.record and tally.record.evaluation > 1:
            lines.append(("last gain", self._record_line(), ""))
        left = self._left_seconds()
        if left != 0.0:
            lines.append(("time left", "not known yet" if left is None else f"about {clock_face(left)}", ""))
        if doing := PAUSED if self._paused else self._doing or (FINISHING if left == 0.0 else ""):
            lines.append(("now", doing, ""))
        return Group(head, *(_line(label, text, style, width) for label, text, style in lines))

    def _elapsed(self) -> float:
        return self._clock() - self._began

    def _limit(self) -> int:
        return int(self.tally.config.get("evaluations", 0))

    def _count(self) -> str:
        limit = self._limit()
        return f"{self.tally.evaluations}/{limit}" if limit else str(self.tally.evaluations)

    def _best_line(self) -> str:
        promoted, record, measure = self.tally.promoted, self.tally.record, self.tally.measure
        if promoted is not None:
            line = measure.whose(promoted.fitness, ends_of(promoted))
            if record and ends_of(record)[0] > ends_of(promoted)[1]:
                line += f" (screened: {measure.interval(record.fitness, ends_of(record))})"
            return line
        if record is not None:
            return f"{measure.whose(record.fitness, ends_of(record))}, not yet confirmed"
        return "no candidate has passed yet"

    def _pace(self) -> float:
        elapsed = self._elapsed()
        return (self.tally.evaluations - self._before) / elapsed * 60 if elapsed > 0 else 0.0

    def _pace_line(self) -> str:
        tally = self.tally
        return f"{self._count()} · {self._pace():.0f} a minute · {tally.passed} passed"

    def _models_line(self) -> str:
        spending = self._spending()
        return spent(spending, self.tally.config) if spending.requests else ""

    def _islands_line(self) -> str:
        parts = []
        for index, island in sorted(self.tally.islands.items())[:MOST_ISLANDS]:
            best = self.tally.measure.margin(island.fitness, ends_of(island))
            parts.append(f"{index}: {best} in {_plural(len(island.cells), 'cell')}")
        more = len(self.tally.islands) - MOST_ISLANDS
        return " · ".join(parts) + (f" · {more} more" if more > 0 else "")

    def _record_line(self) -> str:
        record = self.tally.record
        if record is None:
            return ""
        measure, beaten = self.tally.measure, record.beaten
        gain = f"{measure.gained(beaten, record.fitness)}, " if beaten is not None else ""
        made = made_by(record.operator, record.note) or ("the seed" if record.evaluation == 1 else "an unnamed change")
        return f"{measure.interval(record.fitness, ends_of(record))} ({gain}candidate {record.evaluation}) by {made}"

    def _left_seconds(self) -> float | None:
        """Until a limit is reached, 0 afterwards; None while nobody can say."""
        config, parts = self.tally.config, []
        limit, pace = self._limit(), self._pace()
        if config.get("minutes") is not None:
            parts.append(max(0.0, float(config["minutes"]) * 60 - self._seconds_before - self._elapsed()))
        if limit and pace > 0:
            parts.append(max(0.0, (limit - self.tally.evaluations) / pace * 60))
        return min(parts, default=None)


def _line(label: str, text: str, style: str, width: int) -> Text:
    """One line of the view, cut where it would be too long."""
    shown = Text(text, style=style)
    shown.truncate(width, overflow="ellipsis")
    return Text.assemble((f"{label:<{LABEL}}", "dim"), shown)


def gained(factor: float) -> str:
    """How much faster: "+12 %", or "14.1 times" from twice on."""
    return SPEEDUP.gained(0.0, math.log(factor))


def made_by(operator: str, note: str) -> str:
    """Operator and note in one, the operator once."""
    if not note or note == operator:
        return operator
    return note if not operator or note.startswith(f"{operator}:") else f"{operator}: {note}"


def interval(one: Measured) -> str:
    """A log speedup with its interval, as it was measured: "2.31× [2.25, 2.36]"."""
    assert one.fitness is not None, "what failed has no speedup"
    return SPEEDUP.interval(one.fitness, ends_of(one))


def clock_face(seconds: float) -> str:
    """Seconds as "1:05" or "2:03:09"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
