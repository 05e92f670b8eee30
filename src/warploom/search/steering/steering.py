"""What becomes of the commands that are sent to a run: they are recorded, and obeyed.

Pause, resume and stop are meant for the process at work and end with it. A pinned parent and hints hold until they are
taken back, over resumes too, and a replay of the run's record gives them again before the same requests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from warploom.archive.islands import member
from warploom.archive.journal import Journal
from warploom.archive.rebuild import Individuals
from warploom.archive.remeasured import remeasured
from warploom.search.record import read_record
from warploom.search.state import State
from warploom.search.steering.inbox import Command, Inbox
from warploom.values.event import PACE, Member, Steered
from warploom.values.request import Individual, Request

MOST_HINTS = 8
STOPPED = "stopped on request"


class Steering:
    """Takes commands for one sitting.

    Args:
        journal: open for writing.
        state: of the run.
        commit: makes an event durable and acts on it.

    Attributes:
        paused: whether nothing is to be asked for the moment.
        stopped: why the run is to end; "" while it is not.
    """

    def __init__(self, journal: Journal, state: State, commit: Callable[[Steered], None]) -> None:
        self._journal = journal
        self._state = state
        self._commit = commit
        self._inbox = Inbox(journal.folder, state.wishes.taken)
        self._stale = [(place, said, True) for place, said in self._inbox.take()]
        self._recorded: dict[int, list[Steered]] = {}
        if state.config.replay:
            self._recorded = read_record(Path(state.config.replay)).steered
        self.paused = False
        self.stopped = ""

    def take(self, *, in_loop: bool = True) -> None:
        """Record what was sent by now, and do it.

        Args:
            in_loop: whether a loop asks at its own pace, which can be paused; outside agents ask when they like.
        """
        found = self._stale + [(place, said, False) for place, said in self._inbox.take()]
        self._stale = []
        for place, said, before in found:
            event = self._event(said, place)
            if event.command in PACE and not event.refused:
                if not in_loop:
                    event = replace(event, refused="outside agents set the pace of this run")
                elif before:
                    event = replace(event, refused="it was sent before this sitting began")
                else:
                    self.paused = event.command == "pause"
                    self.stopped = STOPPED if event.command == "stop" else self.stopped
            self._commit(event)

    def again(self, number: int) -> None:
        """In a replay: what was given before this request then is given again."""
        for one in self._recorded.pop(number, ()):
            member_id = one.member.candidate if one.member else ""
            self._commit(self._event(Command(one.command, member_id, one.text), 0))

    def applied(self, request: Request) -> Request:
        """The request of the strategy with the pinned parent and the hints."""
        wishes = self._state.wishes
        if wishes.hints:
            request = replace(request, hints=wishes.hints)
        if wishes.pinned is None:
            return request
        parent = self._whole(wishes.pinned)
        others = request.inspirations or request.parents
        return replace(
            request,
            parents=(parent,),
            inspirations=tuple(one for one in others if one.candidate.id != parent.candidate.id),
            target_cell=None,
            island=parent.island,
            pinned=True,
        )

    def _whole(self, pinned: Member) -> Individual:
        """The pinned parent with what is known of it by now, on the island where it was pinned."""
        found = self._state.archive.find(pinned.candidate)
        return replace(found, island=pinned.island) if found else Individuals(self._journal)(pinned)

    def _event(self, said: Command | str, place: int) -> Steered:
        number = self._state.next_number
        if isinstance(said, str):
            return Steered("", number, place, refused=said)
        event = Steered(said.name, number, place, said.text)
        hints = self._state.wishes.hints
        if said.name == "hint" and said.text not in hints and len(hints) >= MOST_HINTS:
            return replace(event, refused=f"there are {MOST_HINTS} hints already; take one back first")
        if said.name != "pin":
            return event
        found = self._find(said.candidate)
        return replace(event, refused=found) if isinstance(found, str) else replace(event, member=found)

    def _find(self, candidate: str) -> Member | str:
        """A candidate as a parent, or why it cannot be one."""
        found = self._state.archive.find(candidate)
        if found is not None:
            return member(found)
        if not self._journal.known(candidate):
            return f"there is no candidate {candidate} in this run"
        evaluation = remeasured(self._journal, candidate) or self._journal.evaluation(candidate)
        if evaluation is None:
            return f"candidate {candidate} is not judged yet"
        nowhere = Request(0, "", (), (), None, 0, 0)
        made = self._state.individual(nowhere, self._journal.proposal(candidate), evaluation)
        return member(made) if made is not None else f"candidate {candidate} failed, and cannot be a parent"
