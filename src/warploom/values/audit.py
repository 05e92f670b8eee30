"""What an audit of a problem found: which wrong answers its checks would let pass, and what is wrong with it as such.

A *pretender* is a wrong answer made by a rule. It meets the checks that a candidate would meet: the same inputs, the
same oracle, the same tolerance. One that passes everywhere *survives*, and then the problem is to blame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

FAMILIES: dict[str, str] = {
    "constant": "constants and means",
    "replay": "old answers and copies",
    "precision": "lower precision",
    "part": "part of the work left out",
    "case": "right in some cases only",
}
"""Kinds of pretenders, and what people call them."""


@dataclass(frozen=True)
class Pretender:
    """A wrong answer made by a rule.

    Attributes:
        family: one of :data:`FAMILIES`.
        rule: the name of a rule in :mod:`warploom.judge.reference.pretend`.
        arguments: what the rule takes beside the call.
        title: what it does, for people: "inputs rounded to bfloat16".
    """

    family: str
    rule: str
    arguments: tuple[str | int | float, ...]
    title: str


@dataclass(frozen=True)
class Encounter:
    """A pretender at one check.

    Attributes:
        workload: as printed by ``str(Workload)``.
        held_out: whether it is a held-out one.
        guard: which kind of failure caught it, "" when the check let it pass.
        units: largest error found in units of the tolerance; infinite for NaN or infinity in the wrong place.
    """

    workload: str
    held_out: bool
    guard: str
    units: float


@dataclass(frozen=True)
class Trial:
    """How one pretender fared.

    Attributes:
        pretender: which one.
        encounters: checks it met; those where the rule changes nothing are left out, and timed workloads where a
            held-out one had caught it.
        absent: why it met none, "" when it met some.
    """

    pretender: Pretender
    encounters: tuple[Encounter, ...]
    absent: str = ""

    @property
    def survived(self) -> bool:
        """Whether every check it met let it pass."""
        return bool(self.encounters) and not any(encounter.guard for encounter in self.encounters)

    @property
    def caught_at(self) -> tuple[str, ...]:
        """The workloads that caught it."""
        return tuple(dict.fromkeys(one.workload for one in self.encounters if one.guard))

    @property
    def met_at(self) -> tuple[str, ...]:
        """The workloads where it met a check."""
        return tuple(dict.fromkeys(one.workload for one in self.encounters))

    @property
    def units(self) -> float:
        """Its largest error anywhere, in units of the tolerance."""
        return max((encounter.units for encounter in self.encounters), default=0.0)


@dataclass(frozen=True)
class Finding:
    """Something about the problem as such.

    Attributes:
        grave: whether the problem cannot be trusted so; else it is a remark.
        what: what was found, and where.
        advice: what to change.
    """

    grave: bool
    what: str
    advice: str


@dataclass(frozen=True)
class Audit:
    """Everything an audit found.

    Attributes:
        problem: its name.
        hash: its hash.
        trials: one a pretender.
        findings: the grave ones first.
        checks: how many checks a pretender that applies everywhere meets at most.
    """

    problem: str
    hash: str
    trials: tuple[Trial, ...]
    findings: tuple[Finding, ...]
    checks: int

    @property
    def survivors(self) -> Sequence[Trial]:
        """The trials of pretenders that passed every check they met."""
        return [trial for trial in self.trials if trial.survived]

    @property
    def passed(self) -> bool:
        """Whether no pretender survived and nothing grave was found."""
        return not self.survivors and not any(finding.grave for finding in self.findings)
