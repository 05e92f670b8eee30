"""What the journal records: one frozen value for each thing that happened, in the order in which it counted.

Events hold no wall-clock time (the journal keeps that beside them), so that the same seed with the same recorded
answers and timings gives the same events, one for one. The bulky parts (sources, samples, verdicts) are stored
once a candidate and found through its id.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from warploom.values.ends import Ends
from warploom.values.request import Cell


@dataclass(frozen=True)
class Member:
    """An individual of the archive by its id, with what was known of it at that time."""

    candidate: str
    fitness: float
    spread: float
    cell: Cell
    island: int
    ends: Ends | None = None


@dataclass(frozen=True)
class RunStarted:
    """The first event of a run.

    Attributes:
        config: :class:`warploom.values.config.RunConfig` as a mapping.
        problem: :func:`warploom.values.problem.describe`.
        environment: what the judge says of machine, toolchain, baselines and sandbox.
        version: version of Warploom.
    """

    config: Mapping[str, Any]
    problem: Mapping[str, Any]
    environment: Mapping[str, Any] = field(default_factory=dict)
    version: str = ""


@dataclass(frozen=True)
class RunResumed:
    """The run goes on in a new process; ``environment`` as in :class:`RunStarted`."""

    environment: Mapping[str, Any] = field(default_factory=dict)
    version: str = ""


@dataclass(frozen=True)
class Asked:
    """The strategy asked for a candidate: a :class:`~warploom.values.request.Request` with its members by id.

    ``outside`` says that it was handed to an outside agent, which may answer it at any time or never; ``hints`` and
    ``pinned`` say how somebody had steered the run by then.
    """

    number: int
    operator: str
    parents: tuple[Member, ...]
    inspirations: tuple[Member, ...]
    target_cell: Cell | None
    island: int
    seed: int
    progress: float
    outside: bool = False
    hints: tuple[str, ...] = ()
    pinned: bool = False


@dataclass(frozen=True)
class Proposed:
    """A proposer answered with a candidate that the run had not seen."""

    number: int
    candidate: str
    proposer: str
    operator: str
    note: str


@dataclass(frozen=True)
class Declined:
    """A request that led to no new candidate; it costs no evaluation.

    Attributes:
        number: of the request.
        reason: "duplicate" or what the proposer said.
        candidate: the candidate that is known already, "" when there was none.
    """

    number: int
    reason: str
    candidate: str = ""


@dataclass(frozen=True)
class Evaluated:
    """A candidate was judged, and the archive told.

    Attributes:
        number: of the request.
        candidate: its id.
        outcome: "passed", or the kind of failure.
        stage: where it failed, "" when it passed.
        message: why it failed, one line.
        fitness: log speedup over eager; None when it failed.
        spread: half-width of its interval.
        cell: its bin; None when it failed.
        island: where it lives.
        status: "failed", "not_added", "improved" or "new".
        ends: its interval; None when it failed, and in journals that hold the half-width alone.
    """

    number: int
    candidate: str
    outcome: str
    stage: str
    message: str
    fitness: float | None
    spread: float
    cell: Cell | None
    island: int
    status: str
    ends: Ends | None = None


@dataclass(frozen=True)
class Migrated:
    """Elites copied to the next island: (candidate, from, to)."""

    moves: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class Promoted:
    """A candidate measured again in a fresh process held what it had shown, and is the run's best from now on.

    Attributes:
        candidate: its id.
        fitness: log speedup over eager as measured again.
        spread: half-width of its interval.
        speedup: baseline → (median, low, high).
        roofline: fraction of the machine's roofline, None where unknown.
    """

    candidate: str
    fitness: float
    spread: float
    speedup: Mapping[str, tuple[float, float, float]]
    roofline: float | None = None

    @property
    def ends(self) -> Ends | None:
        """The interval of ``fitness``; None for a score."""
        if "eager" not in self.speedup:
            return None
        _, low, high = self.speedup["eager"]
        return math.log(low), math.log(high)


@dataclass(frozen=True)
class NotPromoted:
    """A candidate measured again did not hold what it had shown.

    ``fitness`` is None when it failed this time; ``spread`` and ``ends`` as in :class:`Evaluated`.
    """

    candidate: str
    reason: str
    fitness: float | None = None
    spread: float = 0.0
    ends: Ends | None = None


COMMANDS: tuple[str, ...] = ("pause", "resume", "stop", "pin", "unpin", "hint", "forget")
"""What can be asked of a run while it goes."""

PACE: tuple[str, ...] = COMMANDS[:3]
"""Those of them that are meant for the process that is at work now."""


@dataclass(frozen=True)
class Steered:
    """Somebody steered the run while it went.

    Attributes:
        command: one of :data:`COMMANDS`; "" when it could not be read.
        number: of the next request, the first that it can change.
        place: in the run's inbox, counted from 1; 0 where it comes from the record of another run.
        text: the hint that was given or taken back.
        member: the parent that was pinned.
        refused: why nothing came of it; "" when it was obeyed.
    """

    command: str
    number: int
    place: int
    text: str = ""
    member: Member | None = None
    refused: str = ""


@dataclass(frozen=True)
class RunPaused:
    """The run was interrupted and can be resumed."""

    reason: str


@dataclass(frozen=True)
class RunEnded:
    """The run is over."""

    reason: str


Event = (
    RunStarted
    | RunResumed
    | Asked
    | Proposed
    | Declined
    | Evaluated
    | Migrated
    | Promoted
    | NotPromoted
    | Steered
    | RunPaused
    | RunEnded
)

EVENTS: tuple[type[Event], ...] = (
    RunStarted,
    RunResumed,
    Asked,
    Proposed,
    Declined,
    Evaluated,
    Migrated,
    Promoted,
    NotPromoted,
    Steered,
    RunPaused,
    RunEnded,
)
