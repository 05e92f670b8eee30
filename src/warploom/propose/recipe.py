"""The genome: steps that lead from a root source to a candidate, replayed in phase order.

A step's site is a concrete label (``"softmax:j"``) or a *selector* that is resolved when the recipe is replayed:

* ``@every``: each site the move offers before it begins, while it still offers it; never the loops it makes;
* ``@first``: the first site that works; ``@2``, ``@3``, …: the same, from the second or third one offered;
* ``@outermost``: each loop that stands directly in the body of the entry point.

Selectors keep a recipe meaningful when an earlier step changes the loops: vectorise ``@every`` still means every
loop after a tile was added before it. A step that no longer applies is dropped, so any recipe can be replayed.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from warploom.errors import NotApplicable
from warploom.propose.moves.cpp.support import in_opencl
from warploom.propose.moves.protocol import Move, Phase, Site
from warploom.syntax import evolve_block
from warploom.syntax.cpp.remember import remembered
from warploom.syntax.cpp.tree import Function, Loop, Statement, Unit
from warploom.syntax.cpp.walk import walk
from warploom.syntax.dialect import dialect_of
from warploom.values.candidate import Candidate, Scalar, Step

MOST_SITES = 48
MOST_STATEMENTS = 1200
"""A selector touches at most so many sites, and stops in a source of so many statements."""

MOST_TO_BLOCK = 600
"""Loops are rearranged only while the source is small: once blocks are unrolled, blocking them again never pays."""

MOST_OFFERS = 64
"""Of how many trees the sites of each move are kept."""

MOST_PREFIXES = 512
"""How many intermediate trees are kept; recipes of a run share most of their steps."""

_SELECTOR = re.compile(r"@(every|first|outermost|[1-9][0-9]{0,3})")

FLAGS_MOVE = "flags"
"""The one step that is not a rewrite of the tree: it sets compiler flags."""


@dataclass(frozen=True)
class Applied:
    """A step that took effect, and the parameters its site offered."""

    step: Step
    choices: Mapping[str, Sequence[Scalar]]


@dataclass(frozen=True)
class Replay:
    """What a recipe gave: the evolve block as a tree, the compiler flags, the steps that took effect."""

    unit: Unit
    flags: tuple[str, ...]
    applied: tuple[Applied, ...]

    @property
    def steps(self) -> tuple[Step, ...]:
        """The recipe without the steps that did not apply."""
        return tuple(applied.step for applied in self.applied)


class Cookbook:
    """Replays recipes with a fixed set of moves."""

    def __init__(self, moves: Iterable[Move]) -> None:
        self.moves = {move.name: move for move in moves}
        self._prefixes: OrderedDict[tuple[str, tuple[Step, ...]], tuple[Unit, Applied | None]] = OrderedDict()
        self._offers = {move.name: remembered(most=MOST_OFFERS)(move.sites) for move in self.moves.values()}

    def sites(self, move: str, unit: Unit) -> Sequence[Site]:
        """Where a move applies; remembered, because finding that out means trying every loop."""
        return () if self._too_late(move, unit) else self._offers[move](unit)

    def _too_late(self, move: str, unit: Unit) -> bool:
        return self.moves[move].phase <= Phase.BLOCKING and statements(unit) > MOST_TO_BLOCK

    def in_order(self, steps: Iterable[Step]) -> list[Step]:
        """The steps in phase order; within a phase they keep their order. Unknown moves are dropped."""
        known = [step for step in steps if step.move == FLAGS_MOVE or step.move in self.moves]
        last = 1 + max((int(move.phase) for move in self.moves.values()), default=0)
        return sorted(known, key=lambda step: last if step.move == FLAGS_MOVE else int(self.moves[step.move].phase))

    def replay(self, root: Candidate, steps: Iterable[Step]) -> Replay:
        """Apply the steps to the root's evolve block, dropping those that do not apply.

        Raises:
            SourceError: the root's evolve block is malformed.
        """
        ordered = self.in_order(steps)
        flags = root.build_flags
        applied: list[Applied] = []
        unit = self._prefix(root, ())[0]
        done: tuple[Step, ...] = ()
        for step in ordered:
            if step.move == FLAGS_MOVE:
                flags = (*flags, *(str(flag) for _, flag in step.parameters))
                applied.append(Applied(step, {}))
                continue
            done = (*done, step)
            unit, taken = self._prefix(root, done, unit)
            if taken is not None:
                applied.append(taken)
            else:
                done = done[:-1]
        return Replay(unit, tuple(dict.fromkeys(flags)), tuple(applied))

    def attempt(self, root: Candidate, replayed: Replay, step: Step) -> bool:
        """Whether a step takes effect after a recipe that was replayed; a later replay then has it at hand."""
        done = tuple(applied.step for applied in replayed.applied if applied.step.move != FLAGS_MOVE)
        return self._prefix(root, (*done, step), replayed.unit)[1] is not None

    def _prefix(
        self, root: Candidate, steps: tuple[Step, ...], before: Unit | None = None
    ) -> tuple[Unit, Applied | None]:
        """What the last of these steps makes of ``before``; remembered, because recipes share their beginnings."""
        key = (root.id, steps)
        if key in self._prefixes:
            self._prefixes.move_to_end(key)
            return self._prefixes[key]
        if before is None:
            made: tuple[Unit, Applied | None] = (tree_of(root), None)
        else:
            try:
                unit, choices = self.perform(before, steps[-1], root.entry_point)
                made = (unit, Applied(steps[-1], choices))
            except NotApplicable:
                made = (before, None)
        self._prefixes[key] = made
        while len(self._prefixes) > MOST_PREFIXES:
            self._prefixes.popitem(last=False)
        return made

    def perform(self, unit: Unit, step: Step, entry_point: str) -> tuple[Unit, Mapping[str, Sequence[Scalar]]]:
        """Apply one step; returns the new tree and the choices that its (first) site offered.

        Raises:
            NotApplicable: the step changes nothing here.
        """
        move = self.moves[step.move]
        if self._too_late(step.move, unit):
            raise NotApplicable(f"{step.move}: the loops are unrolled already")
        parameters = dict(step.parameters)
        sites = self.sites(step.move, unit)
        if not step.site.startswith("@"):
            choices = next((site.choices for site in sites if site.label == step.site), None)
            if choices is None:
                raise NotApplicable(f"{step.move} does not apply at {step.site}")
            return move.apply(unit, step.site, _filled(choices, parameters)), choices
        if not _SELECTOR.fullmatch(step.site):
            raise NotApplicable(f"{step.site!r} selects nothing")
        labels = [site.label for site in sites]
        if step.site == "@outermost":
            wanted = outermost(unit, entry_point)
            labels = [label for label in labels if label in wanted]
        changed = unit
        first: Mapping[str, Sequence[Scalar]] = {}
        if step.site[1:].isdigit():
            labels = labels[int(step.site[1:]) - 1 :]
        offered = {site.label: site.choices for site in sites}
        for label in labels[:MOST_SITES]:
            try:
                changed = move.apply(changed, label, _filled(offered[label], parameters))
            except NotApplicable:
                continue
            first = first or offered[label]
            if step.site not in ("@every", "@outermost") or statements(changed) > MOST_STATEMENTS:
                break
        if changed == unit:
            raise NotApplicable(f"{step.move} finds no site for {step.site}")
        return changed, first


@remembered()
def statements(unit: Unit) -> int:
    """How many statements the unit has."""
    return sum(1 for function in unit.functions for _ in walk(function.body))


def _filled(choices: Mapping[str, Sequence[Scalar]], wanted: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """A value for every parameter of a site: the wanted one where it is offered, else the site's best guess."""
    return {name: wanted[name] if wanted.get(name) in values else values[0] for name, values in choices.items()}


def outermost(unit: Unit, entry_point: str) -> set[str]:
    """Labels of the loops that stand directly in the entry point's body (or in a plain scope of it)."""
    labels: set[str] = set()
    for function in unit.functions:
        if function.name == entry_point:
            _collect(function, function.body, labels)
    return labels


def _collect(function: Function, body: Sequence[Statement], labels: set[str]) -> None:
    for statement in body:
        if isinstance(statement, Loop):
            labels.add(f"{function.name}:{statement.variable}")
        elif hasattr(statement, "body"):
            _collect(function, statement.body, labels)


def tree_of(candidate: Candidate) -> Unit:
    """The evolve block of a candidate as a tree.

    Raises:
        SourceError: the evolve block is malformed.
    """
    return dialect_of(candidate.language).read(evolve_block.split(candidate.source)[1])


def materialise(root: Candidate, replay: Replay, parameters: tuple[tuple[str, Scalar], ...] = ()) -> Candidate:
    """The candidate that a replayed recipe stands for.

    Raises:
        NothingToPropose: a move needs support code that its language lacks.
    """
    before, _, after = evolve_block.split(root.source)
    unit = in_opencl(replay.unit) if root.language == "opencl" else replay.unit
    text = evolve_block.join(before, dialect_of(root.language).write(unit), after)
    name = root.sources[0][0]
    return Candidate(
        root.problem, root.language, ((name, text), *root.sources[1:]), root.entry_point, parameters, replay.flags
    )
