"""When a run is over: small stoppers, each asked after every event; the first that has a reason ends the run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from warploom.values.config import RunConfig
from warploom.values.exchange import Spending


@dataclass(frozen=True)
class Standing:
    """How far a run has come.

    Attributes:
        evaluations: judged candidates, failed ones and the seed included.
        elapsed: seconds at work, over all sittings.
        since_better: evaluations since the best screened candidate got better.
        spending: on models, for the requests that were told.
        promoted: log speedup over eager of the promoted best; None before there is one.
        roofline: its fraction of the roofline; None where unknown.
    """

    evaluations: int
    elapsed: float = 0.0
    since_better: int = 0
    spending: Spending = field(default_factory=Spending)
    promoted: float | None = None
    roofline: float | None = None


class Stopper(Protocol):
    """One limit."""

    def reason(self, standing: Standing) -> str | None:
        """Why the run is over, or None."""
        ...

    def share(self, standing: Standing) -> float:
        """Share of this budget that is spent, 0 to 1; 0 for a limit that is no budget."""
        ...


@dataclass(frozen=True)
class Evaluations:
    """So many evaluations."""

    limit: int

    def reason(self, standing: Standing) -> str | None:
        """At the limit."""
        return f"{self.limit} evaluations done" if standing.evaluations >= self.limit else None

    def share(self, standing: Standing) -> float:
        """Evaluations of the limit."""
        return min(1.0, standing.evaluations / self.limit)


@dataclass(frozen=True)
class Minutes:
    """So much time at work."""

    limit: float

    def reason(self, standing: Standing) -> str | None:
        """At the limit."""
        return f"{self.limit:g} minutes are over" if standing.elapsed >= 60 * self.limit else None

    def share(self, standing: Standing) -> float:
        """Time of the limit."""
        return min(1.0, standing.elapsed / (60 * self.limit))


@dataclass(frozen=True)
class Models:
    """So much for models. Each request is held to it before it is sent; this says how much of it is gone.

    Attributes:
        what: "tokens", "usd" or "requests".
        limit: at most.
    """

    what: str
    limit: float

    def reason(self, standing: Standing) -> str | None:
        """At the limit."""
        if getattr(standing.spending, self.what) < self.limit:
            return None
        return f"the cap of {f'${self.limit:g}' if self.what == 'usd' else f'{self.limit} {self.what}'} is reached"

    def share(self, standing: Standing) -> float:
        """Spent of the limit."""
        return float(min(1.0, getattr(standing.spending, self.what) / self.limit))


@dataclass(frozen=True)
class Patience:
    """So many evaluations without a better candidate."""

    limit: int

    def reason(self, standing: Standing) -> str | None:
        """Nothing better for too long."""
        if standing.since_better < self.limit:
            return None
        return f"no better candidate in {self.limit} evaluations"

    def share(self, standing: Standing) -> float:
        """Not a budget: it starts anew with every better candidate."""
        return 0.0


@dataclass(frozen=True)
class TargetSpeedup:
    """A promoted candidate is so many times faster than eager."""

    target: float

    def reason(self, standing: Standing) -> str | None:
        """Reached, by a promoted candidate."""
        if standing.promoted is None or standing.promoted < math.log(self.target):
            return None
        return f"reached {self.target:g}× over eager"

    def share(self, standing: Standing) -> float:
        """Not a budget."""
        return 0.0


@dataclass(frozen=True)
class TargetRoofline:
    """A promoted candidate reaches a fraction of what the machine can do at best."""

    target: float

    def reason(self, standing: Standing) -> str | None:
        """Reached, by a promoted candidate."""
        if standing.roofline is None or standing.roofline < self.target:
            return None
        return f"reached {self.target:.0%} of the roofline"

    def share(self, standing: Standing) -> float:
        """Not a budget."""
        return 0.0


def stoppers(config: RunConfig) -> tuple[Stopper, ...]:
    """The limits that a configuration sets."""
    chosen: list[Stopper] = [Evaluations(config.evaluations)]
    if config.minutes is not None:
        chosen.append(Minutes(config.minutes))
    caps = {"tokens": config.max_tokens_total, "usd": config.max_usd, "requests": config.max_requests}
    chosen += [Models(what, limit) for what, limit in caps.items() if limit is not None]
    if config.patience is not None:
        chosen.append(Patience(config.patience))
    if config.target_speedup is not None:
        chosen.append(TargetSpeedup(config.target_speedup))
    if config.target_roofline is not None:
        chosen.append(TargetRoofline(config.target_roofline))
    return tuple(chosen)


def why_over(limits: Sequence[Stopper], standing: Standing) -> str | None:
    """The first reason to stop, or None."""
    return next((reason for limit in limits if (reason := limit.reason(standing))), None)


def progress(limits: Sequence[Stopper], standing: Standing) -> float:
    """Share of the tightest budget that is spent, 0 to 1."""
    return max((limit.share(standing) for limit in limits), default=0.0)


def time_is_up(limits: Sequence[Stopper], standing: Standing) -> bool:
    """Whether it is the time that is spent."""
    return any(isinstance(limit, Minutes) and limit.reason(standing) is not None for limit in limits)
