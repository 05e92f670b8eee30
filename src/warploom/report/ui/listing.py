"""Candidates of a run as rows of a list: filtered, sorted and handed out page by page."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from warploom.errors import ConfigError
from warploom.report.html.history import History, Judged
from warploom.values.ends import ends_of
from warploom.values.event import Promoted

SHOWN = ("all", "passed", "failed", "faster", "records", "again")
"""What a list shows: "faster" than their parent, "records" when they came, those that were measured "again"."""

ORDERS = ("newest", "oldest", "fastest")

MOST_ROWS = 500
REMEMBERED = 12
"""Lists that are kept in order, for the next page of them."""


@dataclass(frozen=True)
class Filter:
    """Which candidates, and in which order.

    Attributes:
        show: one of :data:`SHOWN`, or a kind of failure.
        by: name of a proposer; "" for all.
        text: part of an id, a note or an operator; "" for all.
        order: one of :data:`ORDERS`.
        until: only the first so many candidates, so that pages fit together while new ones come.
    """

    show: str = "all"
    by: str = ""
    text: str = ""
    order: str = "newest"
    until: int = 0

    @property
    def all_in_order(self) -> bool:
        """Whether nothing is left out and nothing is to be sorted."""
        return self.show == "all" and not self.by and not self.text and self.order != "fastest"


class Listing:
    """The candidates of one run.

    Args:
        history: of the run; it may grow.
    """

    def __init__(self, history: History) -> None:
        self._history = history
        self._ordered: OrderedDict[Filter, Sequence[int]] = OrderedDict()

    def page(self, wanted: Filter, offset: int, most: int) -> dict[str, Any]:
        """Some rows of a list.

        Args:
            wanted: which list.
            offset: rows before the first.
            most: rows at most.

        Returns:
            ``total`` rows of the list, ``until`` (as in :class:`Filter`, filled in), and ``rows``.

        Raises:
            ConfigError: there is no such list.
        """
        if wanted.order not in ORDERS:
            raise ConfigError(f"order {wanted.order!r}: known: {', '.join(ORDERS)}")
        if wanted.show not in SHOWN and wanted.show not in self._history.breakages:
            raise ConfigError(f"show {wanted.show!r}: known: {', '.join((*SHOWN, *self._history.breakages))}")
        judged = self._history.judged
        until = min(wanted.until or len(judged), len(judged))
        ordered = self._order(Filter(wanted.show, wanted.by, wanted.text.casefold(), wanted.order, until))
        chosen = ordered[max(0, offset) : max(0, offset) + min(most, MOST_ROWS)]
        trials = {trial.event.candidate: isinstance(trial.event, Promoted) for trial in self._history.trials}
        return {
            "total": len(ordered),
            "until": until,
            "rows": [row(judged[index], trials.get(judged[index].candidate)) for index in chosen],
        }

    def _order(self, wanted: Filter) -> Sequence[int]:
        """Places of the candidates in the history's list."""
        if wanted.all_in_order:
            return range(wanted.until - 1, -1, -1) if wanted.order == "newest" else range(wanted.until)
        known = self._ordered.pop(wanted, None)
        self._ordered[wanted] = found = self._search(wanted) if known is None else known
        while len(self._ordered) > REMEMBERED:
            self._ordered.popitem(last=False)
        return found

    def _search(self, wanted: Filter) -> Sequence[int]:
        judged = self._history.judged
        fits = self._test(wanted.show)
        text, by = wanted.text, wanted.by
        found = [
            index
            for index, one in enumerate(judged[: wanted.until])
            if fits(one)
            and (not by or one.proposer == by)
            and (not text or text in one.candidate or text in f"{one.operator} {one.note}".casefold())
        ]
        if wanted.order == "fastest":
            slowest = -math.inf
            found.sort(key=lambda index: _fitness(judged[index], slowest), reverse=True)
        elif wanted.order == "newest":
            found.reverse()
        return found

    def _test(self, show: str) -> Callable[[Judged], bool]:
        match show:
            case "all":
                return lambda one: True
            case "passed":
                return lambda one: one.fitness is not None
            case "failed":
                return lambda one: one.fitness is None
            case "faster":
                return lambda one: (one.gain or 0.0) > math.hypot(one.spread, one.parent_spread)
            case "records":
                records = {record.candidate for record in self._history.records}
                return lambda one: one.candidate in records
            case "again":
                trials = {trial.event.candidate for trial in self._history.trials}
                return lambda one: one.candidate in trials
            case _:
                return lambda one: one.outcome == show


def row(one: Judged, held: bool | None = None) -> dict[str, Any]:
    """A candidate as a row: JSON values.

    Args:
        one: the candidate.
        held: whether it held what it had shown; None when it was not measured again.
    """
    return {
        "place": one.place,
        "id": one.candidate,
        "outcome": one.outcome,
        "speed": None if one.fitness is None else math.exp(one.fitness),
        "ends": None if one.fitness is None else [math.exp(end) for end in ends_of(one)],
        "gain": None if one.gain is None else math.exp(one.gain),
        "by": one.proposer,
        "operator": one.operator,
        "note": one.note,
        "held": held,
    }


def _fitness(one: Judged, slowest: float) -> float:
    return slowest if one.fitness is None else one.fitness
