"""Moves that put statements in the place of one loop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from warploom.errors import NotApplicable
from warploom.propose.moves.cpp.nests import Statements, finish
from warploom.propose.moves.cpp.support import with_support
from warploom.propose.moves.protocol import Move, Site
from warploom.syntax.cpp.query import all_loops
from warploom.syntax.cpp.tree import Unit
from warploom.values.candidate import Scalar


@dataclass(frozen=True)
class Plan:
    """Statements for the place of a loop, and the support functions they call."""

    label: str
    made: Statements
    used: set[str]

    def carried_out(self, unit: Unit) -> Unit:
        """The unit with the loop replaced."""
        return finish(with_support(unit, *self.used) if self.used else unit, self.label, self.made)


class Planned(ABC):
    """A move that can say what it would do without doing it."""

    @abstractmethod
    def plan(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Plan:
        """What would take the loop's place.

        Raises:
            NotApplicable: no such site, or the rewrite does not fit there.
        """

    def apply(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> Unit:
        """What was planned, done; raises as :meth:`plan`."""
        return self.plan(unit, label, parameters).carried_out(unit)

    def fits(self, unit: Unit, label: str, parameters: Mapping[str, Scalar]) -> bool:
        """Whether there is a plan for this site."""
        try:
            self.plan(unit, label, parameters)
        except NotApplicable:
            return False
        return True


def loops_for(move: Move, unit: Unit) -> list[Site]:
    """The loops at which a move without parameters applies."""
    found = []
    for candidate in all_loops(unit):
        try:
            move.apply(unit, candidate.label, {})
        except NotApplicable:
            continue
        found.append(Site(candidate.label))
    return found
