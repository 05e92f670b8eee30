"""One request on its way: asked, answered, told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from warploom.archive.encode import to_plain
from warploom.archive.rebuild import asked_event
from warploom.values.candidate import Proposal
from warploom.values.request import Request


@dataclass
class Turn:
    """A request that is at work: asked, perhaps answered, not yet told."""

    request: Request
    proposal: Proposal | None = None

    def snapshot(self, *, outside: bool) -> list[Any]:
        """As JSON values: the event that asked, and the candidate that answered, "" where none has."""
        asked = to_plain(asked_event(self.request, outside=outside))
        return [asked, self.proposal.candidate.id if self.proposal else ""]
