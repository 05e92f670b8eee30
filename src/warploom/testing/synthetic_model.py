"""A language model for the synthetic world: it answers every prompt with a neighbour of the kernel in it."""

from __future__ import annotations

import random
import re

from warploom.testing.chat_server import Call, Reaction
from warploom.testing.synthetic import GENES, LEVELS, synthetic_candidate, synthetic_fitness

_GENES = re.compile(r"genes\[\] = \{([-\d, ]+)\}")


class SyntheticModel:
    """Reacts to calls as a model that writes synthetic kernels; ``ChatServer(SyntheticModel())``.

    Args:
        clever: whether it proposes the best of several neighbours, else any.
        useless: share of the answers without a kernel.
        numbered: whether each kernel carries a number, so that no two are the same.
        seed: of its choices.
    """

    def __init__(self, *, clever: bool = False, useless: float = 0.0, numbered: bool = False, seed: int = 0) -> None:
        self._numbered = numbered
        self._tries = 8 if clever else 1
        self._useless = useless
        self._seed = seed

    def __call__(self, call: Call) -> Reaction:
        """The whole kernel with another gene, in a fence."""
        rng = random.Random(f"{self._seed}/{call.number}")
        if rng.random() < self._useless:
            return Reaction("I would rather write a poem.")
        found = _GENES.search(" ".join(str(message["content"]) for message in call.body["messages"]))
        genes = tuple(int(word) for word in found.group(1).split(",")) if found else (0,) * GENES
        best = max((neighbour(genes, rng) for _ in range(self._tries)), key=synthetic_fitness)
        mark = f"static const int number = {call.number};\n" if self._numbered else ""
        return Reaction(f"Another gene.\n```cpp\n{synthetic_candidate(best).source}{mark}```\n")


def neighbour(genes: tuple[int, ...], rng: random.Random) -> tuple[int, ...]:
    """One gene changed."""
    place = rng.randrange(GENES)
    level = rng.choice([level for level in range(LEVELS) if level != genes[place]])
    return (*genes[:place], level, *genes[place + 1 :])
