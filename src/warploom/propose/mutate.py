"""Ways to change a recipe. Each takes a recipe and gives a new one; :mod:`.without_model` chooses among them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from warploom.errors import NothingToPropose
from warploom.propose.bandit import Bandit
from warploom.propose.moves.book import Composite
from warploom.propose.moves.cpp.book import FLAG_SETS
from warploom.propose.moves.protocol import Move, Phase, Site
from warploom.propose.recipe import FLAGS_MOVE, Cookbook, Replay
from warploom.values.candidate import Candidate, Scalar, Step

DEFAULT_SHARE = 0.6
"""How often a parameter takes its best guess rather than a random choice."""


@dataclass(frozen=True)
class Mutation:
    """A new recipe, and the arms of the move bandit that it used."""

    steps: tuple[Step, ...]
    arms: tuple[str, ...]
    note: str


def draw(site: Site, rng: random.Random, default_share: float = DEFAULT_SHARE) -> tuple[tuple[str, Scalar], ...]:
    """Parameters for a site: mostly the best guess, else a random choice."""
    return tuple(
        (name, values[0] if rng.random() < default_share else rng.choice(list(values)))
        for name, values in site.choices.items()
    )


class Mutations:
    """Mutations over one set of moves.

    Args:
        cookbook: replays recipes.
        bandit: which moves pay, by name.
        flag_sets: compiler flags worth a try.
    """

    def __init__(self, cookbook: Cookbook, bandit: Bandit, flag_sets: Sequence[tuple[str, ...]] = FLAG_SETS) -> None:
        self._cookbook = cookbook
        self._bandit = bandit
        self._flag_sets = flag_sets

    def grow(self, root: Candidate, steps: Sequence[Step], rng: random.Random, progress: float) -> Mutation:
        """One more move: the bandit picks the kind, the site is any that applies *where the move will be replayed*.

        Raises:
            NothingToPropose: no move applies.
        """
        late = progress > 0.5
        moves = [move for move in self._cookbook.moves.values() if late or move.phase != Phase.POLISH]
        names = [move.name for move in moves]
        while names:
            name = self._bandit.choose(names, rng)
            names.remove(name)
            move = self._cookbook.moves[name]
            earlier = [step for step in self._cookbook.in_order(steps) if self._phase(step) <= move.phase]
            unit = self._cookbook.replay(root, earlier).unit
            sites = [site for site in self._cookbook.sites(name, unit) if not self._done(name, site, steps)]
            if not sites:
                continue
            site = rng.choice(sites)
            selector = "@every" if len(sites) > 1 and rng.random() < 0.3 else site.label
            step = Step(name, selector, draw(site, rng))
            return Mutation((*steps, step), (name,), f"+ {step}")
        raise NothingToPropose("no move applies to this candidate")

    def compose(
        self,
        root: Candidate,
        steps: Sequence[Step],
        composite: Composite,
        rng: random.Random,
        default_share: float = 0.7,
    ) -> Mutation:
        """Append a composite: its steps where they apply, all of them or none.

        Raises:
            NothingToPropose: a required step of the composite finds no site.
        """
        recipe = list(steps)
        for pick in composite.picks:
            move = self._cookbook.moves.get(pick.move)
            if move is None:
                raise NothingToPropose(f"composite {composite.name} wants the unknown move {pick.move}")
            replayed = self._cookbook.replay(root, [s for s in recipe if self._phase(s) <= move.phase])
            sites = self._cookbook.sites(pick.move, replayed.unit)
            step = self._fit(root, replayed, pick.move, pick.site, pick.parameters, sites, rng, default_share)
            if step is None:
                if pick.required:
                    raise NothingToPropose(f"composite {composite.name}: {pick.move} does not apply")
                continue
            if step not in recipe:
                recipe.append(step)
        if len(recipe) == len(steps):
            raise NothingToPropose(f"composite {composite.name} changes nothing")
        return Mutation(tuple(recipe), (), f"+ {composite.name}")

    def undo(self, steps: Sequence[Step], rng: random.Random) -> Mutation:
        """Without one of its steps.

        Raises:
            NothingToPropose: there is none.
        """
        if not steps:
            raise NothingToPropose("nothing to undo")
        index = rng.randrange(len(steps))
        return Mutation((*steps[:index], *steps[index + 1 :]), (), f"- {steps[index]}")

    def change(self, replay: Replay, rng: random.Random) -> Mutation:
        """One parameter of one step takes another of its values.

        Raises:
            NothingToPropose: no step has a parameter with a choice.
        """
        options = [
            (index, name, value)
            for index, applied in enumerate(replay.applied)
            for name, values in applied.choices.items()
            for value in values
            if dict(applied.step.parameters).get(name, values[0]) != value
        ]
        if not options:
            raise NothingToPropose("no parameter to change")
        index, name, value = rng.choice(options)
        steps = list(replay.steps)
        step = steps[index]
        steps[index] = replace(step, parameters=tuple(sorted({**dict(step.parameters), name: value}.items())))
        return Mutation(tuple(steps), (step.move,), f"{step.move}({step.site}) {name}={value}")

    def flags(self, steps: Sequence[Step], rng: random.Random) -> Mutation:
        """Another set of compiler flags.

        Raises:
            NothingToPropose: every set is in use.
        """
        current = next((step for step in steps if step.move == FLAGS_MOVE), None)
        others = [step for step in (flag_step(flags) for flags in self._flag_sets) if step != current]
        if not others:
            raise NothingToPropose("no other compiler flags to try")
        chosen = rng.choice(others)
        rest = tuple(step for step in steps if step.move != FLAGS_MOVE)
        return Mutation((*rest, chosen), (), f"+ {chosen}")

    def _fit(
        self,
        root: Candidate,
        replayed: Replay,
        name: str,
        selector: str,
        wanted: tuple[tuple[str, Scalar], ...],
        sites: Sequence[Site],
        rng: random.Random,
        default_share: float,
    ) -> Step | None:
        for site in sites[:1] if selector.startswith("@") else sites:
            drawn = dict(draw(site, rng, default_share)) | {key: value for key, value in wanted if key in site.choices}
            step = Step(name, selector, tuple(sorted(drawn.items())))
            if self._cookbook.attempt(root, replayed, step):
                return step
        return None

    def _phase(self, step: Step) -> int:
        move: Move | None = self._cookbook.moves.get(step.move)
        return int(move.phase) if move else int(Phase.POLISH) + 1

    @staticmethod
    def _done(name: str, site: Site, steps: Sequence[Step]) -> bool:
        return any(step.move == name and step.site in (site.label, "@every") for step in steps)


def flag_step(flags: Sequence[str]) -> Step:
    """The step that sets these compiler flags."""
    return Step(FLAGS_MOVE, "unit", tuple((f"flag{index}", flag) for index, flag in enumerate(flags)))
