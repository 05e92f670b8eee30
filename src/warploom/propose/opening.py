"""The first proposals of a run: the book's composites on the seed, each found when its turn comes."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from warploom.errors import NothingToPropose
from warploom.propose.moves.book import Composite
from warploom.propose.moves.cpp.book import COMPOSITES
from warploom.propose.mutate import Mutations
from warploom.propose.recipe import Cookbook, materialise
from warploom.values.candidate import Candidate, Step

First = tuple[str, tuple[Step, ...]]
"""Name of a composite, and its recipe on this root."""


class Opening:
    """The composites of a book that apply to one root, with their best-guess parameters, distinct results only.

    Trying a composite on a large source takes a second or more; so none is tried before it is asked for. The order is
    that of the book, whoever asks, so a resumed run opens alike.

    Args:
        root: the seed.
        cookbook: replays recipes.
        mutations: fits composites to the root.
        composites: of the book, in order.
    """

    def __init__(
        self,
        root: Candidate,
        cookbook: Cookbook,
        mutations: Mutations,
        composites: Sequence[Composite] = COMPOSITES,
    ) -> None:
        self._root, self._cookbook, self._mutations, self._composites = root, cookbook, mutations, composites
        self._found: list[First] = []
        self._left = self._search()

    def number(self, number: int) -> First | None:
        """The composite that is proposed in answer to the request of this number, from 1; None after the last."""
        while len(self._found) < number:
            following = next(self._left, None)
            if following is None:
                return None
            self._found.append(following)
        return self._found[number - 1]

    def _search(self) -> Iterator[First]:
        rng = random.Random(0)
        seen = {self._root.id}
        for composite in self._composites:
            try:
                mutation = self._mutations.compose(self._root, (), composite, rng, default_share=1.0)
                candidate = materialise(self._root, self._cookbook.replay(self._root, mutation.steps))
            except NothingToPropose:
                continue
            if candidate.id not in seen:
                seen.add(candidate.id)
                yield composite.name, mutation.steps
