"""The archive of a run from its journal: the newest snapshot and the events after it."""

from __future__ import annotations

from dataclasses import replace

from warploom.archive.islands import Archive, archive_for, member
from warploom.archive.journal import Journal
from warploom.errors import JournalError
from warploom.values.config import RunConfig
from warploom.values.event import Asked, Evaluated, Event, Member, Migrated, NotPromoted, Promoted
from warploom.values.outcome import Passed
from warploom.values.request import Individual, Request


class Individuals:
    """Gives members of events and snapshots their candidate, lineage and facts back.

    Args:
        journal: where the candidates are.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def __call__(self, member: Member) -> Individual:
        """The individual whole."""
        proposal = self._journal.proposal(member.candidate)
        evaluation = self._journal.evaluation(member.candidate)
        if not isinstance(evaluation, Passed):
            raise JournalError(f"{self._journal.folder}: candidate {member.candidate} is an elite that never passed")
        return Individual(
            proposal.candidate,
            proposal.lineage,
            member.fitness,
            member.cell,
            member.island,
            member.spread,
            evaluation.build.facts,
            member.ends,
        )


def apply(archive: Archive, event: Event, individual: Individual | None) -> None:
    """What an event means for the archive.

    Args:
        archive: to be changed.
        event: what happened.
        individual: the one that an ``Evaluated`` is about; None when it failed.
    """
    match event:
        case Evaluated():
            if individual is not None:
                archive.admit(individual)
        case Migrated(moves):
            archive.migrate(moves)
        case Promoted(candidate, fitness, spread):
            archive.promote(candidate, fitness, spread, event.ends)
        case NotPromoted(candidate, _, fitness, spread, ends):
            archive.refuse(candidate, fitness, spread, ends)


def member_of(event: Evaluated) -> Member | None:
    """The member that a passed evaluation brought; None when it failed."""
    if event.fitness is None or event.cell is None:
        return None
    return Member(event.candidate, event.fitness, event.spread, event.cell, event.island, event.ends)


def rebuild_archive(journal: Journal) -> Archive:
    """The archive as of the newest event, for those who only look."""
    archive = archive_for(RunConfig.from_mapping(journal.started.config))
    whole = Individuals(journal)
    after = 0
    snapshot = journal.snapshot()
    if snapshot is not None:
        after, state = snapshot
        archive.restore(state["archive"], whole)
    for event in journal.events(after):
        member = member_of(event) if isinstance(event, Evaluated) else None
        apply(archive, event, whole(member) if member else None)
    return archive


def asked_event(request: Request, *, outside: bool = False) -> Asked:
    """A request as the journal records it; ``outside`` when it went to an outside agent."""
    return Asked(
        number=request.number,
        operator=request.operator,
        parents=tuple(member(one) for one in request.parents),
        inspirations=tuple(member(one) for one in request.inspirations),
        target_cell=request.target_cell,
        island=request.island,
        seed=request.seed,
        progress=request.progress,
        outside=outside,
        hints=request.hints,
        pinned=request.pinned,
    )


def request_of(event: Asked, whole: Individuals) -> Request:
    """The inverse of :func:`asked_event`."""

    def individual(one: Member) -> Individual:
        return replace(whole(one), cell=one.cell, island=one.island)

    return Request(
        number=event.number,
        operator=event.operator,
        parents=tuple(individual(one) for one in event.parents),
        inspirations=tuple(individual(one) for one in event.inspirations),
        target_cell=event.target_cell,
        island=event.island,
        seed=event.seed,
        progress=event.progress,
        hints=event.hints,
        pinned=event.pinned,
    )
