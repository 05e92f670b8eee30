"""What somebody wants of a run, as of its newest event: a pinned parent, hints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from warploom.archive.encode import from_plain, to_plain
from warploom.values.event import Event, Member, NotPromoted, Steered


@dataclass
class Wishes:
    """Holds what was asked for until it is taken back. Doing an event twice is as good as once.

    Attributes:
        pinned: the parent that all requests start from; None leaves the choice to the strategy.
        hints: what those who write kernels are told.
        taken: commands of the run's inbox that were taken.
    """

    pinned: Member | None = None
    hints: tuple[str, ...] = ()
    taken: int = 0

    def apply(self, event: Event) -> None:
        """What an event changes."""
        match event:
            case Steered():
                self.taken = max(self.taken, event.place)
                if not event.refused:
                    self._obey(event)
            case NotPromoted(candidate, fitness=None) if self.pinned and self.pinned.candidate == candidate:
                self.pinned = None  # it failed when it was judged again: nothing more is made of it

    def _obey(self, event: Steered) -> None:
        match event.command:
            case "pin" | "unpin":
                self.pinned = event.member
            case "hint" if event.text not in self.hints:
                self.hints = (*self.hints, event.text)
            case "forget":
                self.hints = tuple(one for one in self.hints if event.text and one != event.text)

    def snapshot(self) -> dict[str, Any]:
        """As JSON values."""
        return {"pinned": to_plain(self.pinned), "hints": list(self.hints), "taken": self.taken}

    def restore(self, state: Mapping[str, Any]) -> None:
        """The inverse of :meth:`snapshot`; {} is a run that nobody steered."""
        self.pinned = from_plain(Member | None, state.get("pinned"))
        self.hints = tuple(state.get("hints", ()))
        self.taken = state.get("taken", 0)
