"""A parent drawn uniformly from the archive and the seed: the control that any other strategy must beat."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from warploom.archive.islands import Archive
from warploom.values.request import Feedback, Request


class Uniform:
    """Keeps no state and prefers nothing."""

    def ask(self, archive: Archive, rng: random.Random, number: int, progress: float) -> Request:
        """Any individual, or the seed."""
        everyone = list({one.candidate.id: one for one in archive.everyone()}.values())
        if archive.seed is not None and all(one.candidate.id != archive.seed.candidate.id for one in everyone):
            everyone.append(archive.seed)
        parent = rng.choice(everyone)
        others = [one for one in everyone if one is not parent]
        return Request(
            number=number,
            operator="",
            parents=(parent,),
            inspirations=(rng.choice(others),) if others else (),
            target_cell=None,
            island=parent.island,
            seed=rng.getrandbits(63),
            progress=progress,
        )

    def tell(self, feedback: Feedback) -> None:
        """Nothing is learned."""

    def declined(self, request: Request) -> None:
        """Nothing is learned."""

    def snapshot(self) -> dict[str, Any]:
        """There is no state."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """There is no state."""
