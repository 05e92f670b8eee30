"""The proposer that needs no model and no key: moves, parameters and crossover under one bandit.

The first requests of a run are answered with the book's composites on the seed (the *opening*): single moves stall
(an early ``parallel`` makes things worse until ``restrict`` comes with it), composites do not. From then on the bandit
chooses how to change the parents that the strategy picked.
"""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

from warploom.errors import NothingToPropose, SourceError
from warploom.propose.bandit import Bandit
from warploom.propose.crossover import cross_parameters, cross_recipes, cross_trees
from warploom.propose.moves.books import book_of
from warploom.propose.mutate import Mutation, Mutations
from warploom.propose.opening import Opening
from warploom.propose.points import point_of, space_of, with_point
from warploom.propose.recipe import Cookbook, Replay, materialise, tree_of
from warploom.propose.tune import Tuner, structure_key
from warploom.values.candidate import Candidate, Lineage, Proposal, Scalar, Step
from warploom.values.problem import Problem
from warploom.values.request import Feedback, Individual, Request

OPERATOR_PRIORS: dict[str, tuple[float, float]] = {
    "compose": (2.0, 5.0),
    "grow": (1.5, 6.0),
    "change": (2.0, 5.0),
    "tune": (2.0, 5.0),
    "undo": (0.7, 6.0),
    "cross": (1.0, 5.0),
    "flags": (0.3, 8.0),
}
GROUPS: dict[str, tuple[str, ...]] = {
    "moves": ("compose", "grow", "change", "undo", "flags"),
    "tune": ("tune",),
    "crossover": ("cross",),
}
"""What a request may ask for by its operator; any other leaves the choice to the bandit."""

GAIN = 0.02
"""A proposal pays when it beats its parent by 2 % in log speedup: less is noise."""

TRIES = 12
COMPOSITE_TRIES = 8
LATE = 0.6
"""Share of the budget after which polish (flags) is allowed: it rarely pays and drains an early budget."""

MOST_RECENT = 4096
MOST_ROOTS = 256
"""Bounds on what is remembered, so that cost stays flat; the journal knows every candidate ever judged."""

Parent = tuple[Candidate, tuple[Step, ...], Individual]


class WithoutModel:
    """Proposer of rewrites, parameters and crossovers.

    Args:
        problem: what the candidates compute.
        crossover: whether two parents may be combined.
        bandit: whether operators and moves are chosen by what they paid so far.
        language: of the candidates; its book says what may be done to them.
    """

    def __init__(self, problem: Problem, *, crossover: bool = True, bandit: bool = True, language: str = "cpp") -> None:
        self._problem = problem
        self._book = book_of(language)
        self._cookbook = Cookbook(self._book.moves)
        self._operators = Bandit(OPERATOR_PRIORS, learning=bandit)
        self._moves = Bandit(self._book.priors, learning=bandit)
        self._mutations = Mutations(self._cookbook, self._moves, self._book.flag_sets)
        self._tuner = Tuner()
        self._roots: OrderedDict[str, Candidate] = OrderedDict()
        self._openings: dict[str, Opening] = {}
        self._recent: OrderedDict[str, None] = OrderedDict()
        self._choices: dict[str, Callable[[Parent, Request, random.Random], Proposal]] = {
            "compose": self._compose,
            "grow": self._grow,
            "change": self._change,
            "tune": self._tune,
            "undo": self._undo,
            "flags": self._flags,
        }
        if crossover:
            self._choices["cross"] = self._cross

    @property
    def name(self) -> str:
        """The name lineages carry."""
        return "moves"

    async def propose(self, request: Request) -> Proposal:
        """A candidate that was not told before.

        Raises:
            NothingToPropose: no operator gave anything new in a bounded number of tries.
        """
        rng = random.Random(request.seed)
        individual = request.parents[0]
        root, steps = self._genome(individual)
        opens = request.number > 0 and request.operator in ("", "moves") and not request.pinned
        first = self._opening(root).number(request.number) if opens else None
        if first is not None:
            name, recipe = first
            proposal = self._finish(root, recipe, individual, "open", f"open: {name}", ())
            if proposal.candidate.id not in self._recent:
                return proposal
        wanted = GROUPS.get(request.operator, tuple(self._choices))
        arms = [name for name in self._choices if name in wanted and (name != "flags" or request.progress >= LATE)]
        for _ in range(TRIES):
            if not arms:
                break
            operator = self._operators.choose(arms, rng)
            try:
                proposal = self._choices[operator]((root, steps, individual), request, rng)
            except (NothingToPropose, SourceError):
                arms.remove(operator)
                continue
            if proposal.candidate.id not in self._recent and proposal.candidate.id != individual.candidate.id:
                return proposal
        raise NothingToPropose(f"nothing new from {individual.candidate.id} in {TRIES} tries")

    def tell(self, feedback: Feedback) -> None:
        """Reward the operator and the move; remember what the parameters gave."""
        proposal, fitness = feedback.proposal, feedback.fitness
        _remember(self._recent, proposal.candidate.id, None, MOST_RECENT)
        lineage = proposal.lineage
        if not lineage.root:
            _remember(self._roots, proposal.candidate.id, proposal.candidate, MOST_ROOTS)
        if lineage.proposer != self.name:
            return
        operator, _, move = lineage.operator.partition(":")
        paid = fitness is not None and (feedback.parent_fitness is None or fitness > feedback.parent_fitness + GAIN)
        if operator in OPERATOR_PRIORS:
            self._operators.learn(operator, success=paid)
        if move in self._cookbook.moves:
            self._moves.learn(move, success=paid)
        if lineage.root:
            structure = structure_key(lineage.root, lineage.steps)
            self._tuner.learn(structure, point_of(lineage.steps, proposal.candidate), fitness)

    def declined(self, request: Request) -> None:
        """Nothing is learned from it: trying costs microseconds, and the state of the next try differs anyway."""

    def snapshot(self) -> dict[str, Any]:
        """Learned state as JSON values."""
        return {
            "operators": self._operators.snapshot(),
            "moves": self._moves.snapshot(),
            "tuner": self._tuner.snapshot(),
            "recent": list(self._recent),
            "roots": [asdict(root) for root in self._roots.values()],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """The inverse of :meth:`snapshot`."""
        self._operators.restore(state["operators"])
        self._moves.restore(state["moves"])
        self._tuner.restore(state["tuner"])
        self._recent = OrderedDict.fromkeys(state["recent"])
        self._roots = OrderedDict((root.id, root) for root in map(_candidate, state["roots"]))

    # ------------------------------------------------------------ operators

    def _compose(self, parent: Parent, request: Request, rng: random.Random) -> Proposal:
        root, steps, _ = parent
        base: Sequence[Step] = steps if rng.random() < 0.7 else ()
        for composite in rng.sample(self._book.composites, k=min(COMPOSITE_TRIES, len(self._book.composites))):
            try:
                return self._mutated(parent, "compose", self._mutations.compose(root, base, composite, rng))
            except NothingToPropose:
                continue
        raise NothingToPropose("no composite of those tried applies")

    def _grow(self, parent: Parent, request: Request, rng: random.Random) -> Proposal:
        root, steps, _ = parent
        return self._mutated(parent, "grow", self._mutations.grow(root, steps, rng, request.progress))

    def _undo(self, parent: Parent, request: Request, rng: random.Random) -> Proposal:
        return self._mutated(parent, "undo", self._mutations.undo(parent[1], rng))

    def _change(self, parent: Parent, request: Request, rng: random.Random) -> Proposal:
        root, steps, _ = parent
        return self._mutated(parent, "change", self._mutations.change(self._cookbook.replay(root, steps), rng))

    def _flags(self, parent: Parent, request: Request, rng: random.Random) -> Proposal:
        return self._mutated(parent, "flags", self._mutations.flags(parent[1], rng))

    def _tune(self, parent: Parent, request: Request, rng: random.Random) -> Proposal:
        root, steps, individual = parent
        replay = self._cookbook.replay(root, steps)
        space = space_of(replay, root)
        structure = structure_key(root.id, replay.steps)
        current = {name: values[0] for name, values in space.items()}
        current |= {n: v for n, v in point_of(replay.steps, individual.candidate).items() if n in space}
        point = self._tuner.suggest(structure, space, current, rng)
        tuned = tuple(with_point(index, step, point) for index, step in enumerate(replay.steps))
        own = {n[len("TUNE.") :]: value for n, value in point.items() if n.startswith("TUNE.")}
        parameters = tuple(sorted((dict(individual.candidate.parameters) | own).items()))
        note = ", ".join(f"{name}={value}" for name, value in point.items() if value != current[name])
        return self._finish(root, tuned, individual, "tune", note, parameters)

    def _cross(self, parent: Parent, request: Request, rng: random.Random) -> Proposal:
        root, steps, individual = parent
        if not request.inspirations:
            raise NothingToPropose("no second parent")
        partner = request.inspirations[0]
        other_root, other_steps = self._genome(partner)
        first, second = individual.candidate, partner.candidate
        parents = (first.id, second.id)
        if other_root.id == root.id and (steps or other_steps):
            child = cross_recipes(steps, other_steps, rng)
            parameters = cross_parameters(first, second, root.source, rng)
            return self._finish(root, child, individual, "cross", "recipes", parameters, parents)
        unit = cross_trees(tree_of(first), tree_of(second), rng)
        plain = Candidate(first.problem, first.language, first.sources, first.entry_point, (), first.build_flags)
        crossed = materialise(plain, Replay(unit, first.build_flags, ()))
        parameters = cross_parameters(first, second, crossed.source, rng)
        candidate = Candidate(
            crossed.problem, crossed.language, crossed.sources, crossed.entry_point, parameters, crossed.build_flags
        )
        return Proposal(candidate, Lineage(parents, self.name, "cross", note="trees"))

    # ------------------------------------------------------------ recipes

    def _genome(self, individual: Individual) -> tuple[Candidate, tuple[Step, ...]]:
        """Root and steps; a candidate whose root is not known starts a line of its own."""
        lineage = individual.lineage
        if lineage.root in self._roots:
            return self._roots[lineage.root], lineage.steps
        _remember(self._roots, individual.candidate.id, individual.candidate, MOST_ROOTS)
        return individual.candidate, ()

    def _opening(self, root: Candidate) -> Opening:
        if root.id not in self._openings:
            self._openings[root.id] = Opening(root, self._cookbook, self._mutations, self._book.composites)
        return self._openings[root.id]

    def _mutated(self, parent: Parent, operator: str, mutation: Mutation) -> Proposal:
        root, _, individual = parent
        name = ":".join((operator, *mutation.arms[:1]))
        return self._finish(root, mutation.steps, individual, name, mutation.note, individual.candidate.parameters)

    def _finish(
        self,
        root: Candidate,
        steps: Sequence[Step],
        individual: Individual,
        operator: str,
        note: str,
        parameters: tuple[tuple[str, Scalar], ...],
        parents: tuple[str, ...] = (),
    ) -> Proposal:
        replay = self._cookbook.replay(root, steps)
        candidate = materialise(root, replay, parameters)
        lineage = Lineage(parents or (individual.candidate.id,), self.name, operator, root.id, replay.steps, note)
        return Proposal(candidate, lineage)


Value = TypeVar("Value")


def _remember(memory: OrderedDict[str, Value], key: str, value: Value, most: int) -> None:
    memory[key] = value
    memory.move_to_end(key)
    while len(memory) > most:
        memory.popitem(last=False)


def _candidate(fields: Mapping[str, Any]) -> Candidate:
    """A candidate from the JSON form of ``asdict``: lists become tuples again."""
    return Candidate(
        fields["problem"],
        fields["language"],
        tuple((name, text) for name, text in fields["sources"]),
        fields["entry_point"],
        tuple((name, value) for name, value in fields["parameters"]),
        tuple(fields["build_flags"]),
    )
