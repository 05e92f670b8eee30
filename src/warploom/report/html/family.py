"""The family tree: the elites, what they descend from, and the way from the seed to the best."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from warploom.archive.journal import Journal
from warploom.report.html.history import Judged
from warploom.report.progress import made_by
from warploom.report.source_diff import counted, unified
from warploom.values.candidate import Candidate, Lineage, Proposal

MOST_LEAVES = 24
MOST_ANCESTORS = 400
"""Candidates whose lineage is read for the tree, at most."""

MOST_STEPS = 40
"""Steps of the way to the best that are shown: the ones that changed the speed most, where there are more."""


@dataclass(frozen=True)
class Kin:
    """A candidate of the tree.

    Attributes:
        candidate: its id.
        parent: its first parent in the tree, "" for a root.
        fitness: log speedup over eager as screened; None where unknown.
        made: how it was made, one line.
        depth: steps from the root.
        row: where it lies, counted in leaves from the top.
        on_way: whether the best descends from it, or is it.
        leaf: whether nothing in the tree descends from it.
    """

    candidate: str
    parent: str
    fitness: float | None
    made: str
    depth: int
    row: float
    on_way: bool
    leaf: bool


@dataclass(frozen=True)
class Step:
    """One step of the way from the seed to the best.

    Attributes:
        candidate: what came of it.
        parent: what it was made from.
        others: further parents.
        made: how, one line.
        by: the proposer.
        changes: what the recipe gained and lost, what flags and parameters changed, in words.
        came: lines of the source that are new.
        went: lines that are gone.
        diff: lines of a unified diff from the parent.
        fitness: log speedup over eager as screened; None where unknown.
        gain: log of how many times faster than its parent, as screened; None where unknown.
        place: how many candidates had been judged by then; 0 where unknown.
    """

    candidate: str
    parent: str
    others: tuple[str, ...]
    made: str
    by: str
    changes: tuple[str, ...]
    came: int
    went: int
    diff: tuple[str, ...]
    fitness: float | None
    gain: float | None
    place: int


def family(journal: Journal, elites: Sequence[str], best: str, judged: Mapping[str, Judged]) -> list[Kin]:
    """The tree of the elites and the best with all their ancestors, laid out row by row.

    Args:
        journal: of the run.
        elites: the fittest first; at most :data:`MOST_LEAVES` of them are followed.
        best: the promoted candidate, "" before there is one.
        judged: every candidate by its id.
    """
    parents: dict[str, str] = {}
    for leaf in [best] * bool(best) + list(elites[:MOST_LEAVES]):
        one = leaf
        while one and one not in parents and len(parents) < MOST_ANCESTORS:
            first, *_ = (*journal.proposal(one).lineage.parents, "")
            parents[one] = first
            one = parents[one]
    parents = {one: above if above in parents else "" for one, above in parents.items()}
    way = set(line_of(best, parents))
    children: dict[str, list[str]] = {}
    for one, above in parents.items():
        children.setdefault(above, []).append(one)
    return list(_laid_out(children, parents, way, judged))


def _laid_out(
    children: Mapping[str, list[str]], parents: Mapping[str, str], way: set[str], judged: Mapping[str, Judged]
) -> Iterable[Kin]:
    """Depth first without recursion: a run may be thousands of steps deep. The way to the best comes first."""

    def order(one: str) -> tuple[bool, int]:
        return one not in way, judged[one].place if one in judged else 0

    rows: dict[str, float] = {}
    depths: dict[str, int] = {"": -1}
    found: list[str] = []
    stack = sorted(children.get("", ()), key=order, reverse=True)
    while stack:
        one = stack.pop()
        depths[one] = depths[parents[one]] + 1
        found.append(one)
        stack += sorted(children.get(one, ()), key=order, reverse=True)
    row = 0
    for one in found:
        if one not in children:
            rows[one] = float(row)
            row += 1
    for one in reversed(found):
        if one in children:
            below = min(children[one], key=order)
            rows[one] = rows[below]
    for one in found:
        known = judged.get(one)
        made = made_by(known.operator or known.proposer, known.note) if known else ""
        fitness = known.fitness if known else None
        yield Kin(one, parents[one], fitness, made, depths[one], rows[one], one in way, one not in children)


def line_of(candidate: str, parents: Mapping[str, str]) -> list[str]:
    """The candidate and its first parents, back to the root."""
    line: list[str] = []
    while candidate and candidate in parents and candidate not in line:
        line.append(candidate)
        candidate = parents[candidate]
    return line


def way_to(journal: Journal, best: str, judged: Mapping[str, Judged]) -> list[Step]:
    """The steps from the seed to this candidate, in order; [] when it is the seed."""
    line: list[Proposal] = []
    seen: set[str] = set()
    at = best
    while at and at not in seen and len(line) < MOST_ANCESTORS:
        seen.add(at)
        proposal = journal.proposal(at)
        line.append(proposal)
        at = proposal.lineage.parents[0] if proposal.lineage.parents else ""
    line.reverse()
    return [_step(before, after, judged) for before, after in pairwise(line)]


def weightiest(steps: Sequence[Step], most: int = MOST_STEPS) -> list[Step]:
    """At most so many, those that changed the speed most, in their order."""
    if len(steps) <= most:
        return list(steps)
    kept = sorted(range(len(steps)), key=lambda index: -abs(steps[index].gain or 0.0))[:most]
    return [steps[index] for index in sorted(kept)]


def _step(before: Proposal, after: Proposal, judged: Mapping[str, Judged]) -> Step:
    known, above = judged.get(after.candidate.id), judged.get(before.candidate.id)
    lines = unified(before.candidate.source, after.candidate.source, "parent", "child")
    came, went = counted(lines)
    fitness = known.fitness if known else None
    from_ = above.fitness if above else None
    lineage = after.lineage
    return Step(
        candidate=after.candidate.id,
        parent=before.candidate.id,
        others=lineage.parents[1:],
        made=made_by(lineage.operator or lineage.proposer, lineage.note),
        by=lineage.proposer,
        changes=(*_recipe(before.lineage, lineage), *_settings(before.candidate, after.candidate)),
        came=came,
        went=went,
        diff=tuple(lines),
        fitness=fitness,
        gain=None if fitness is None or from_ is None else fitness - from_,
        place=known.place if known else 0,
    )


def _recipe(before: Lineage, after: Lineage) -> list[str]:
    """Moves that came and went."""
    old, new = [str(step) for step in before.steps], [str(step) for step in after.steps]
    return [f"+ {step}" for step in new if step not in old] + [f"− {step}" for step in old if step not in new]


def _settings(before: Candidate, after: Candidate) -> list[str]:
    """Compiler flags and tuned parameters that changed."""
    flags = [f"+ {flag}" for flag in after.build_flags if flag not in before.build_flags]
    flags += [f"− {flag}" for flag in before.build_flags if flag not in after.build_flags]
    old, new = dict(before.parameters), dict(after.parameters)
    names = dict.fromkeys([*old, *new])
    tuned = [f"{name} = {new.get(name, 'default')}" for name in names if old.get(name) != new.get(name)]
    return flags + tuned
