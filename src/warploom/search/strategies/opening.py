"""The opening of a search: its requests start from the seed, on which composites of rewrites are tried."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

OPENING = 0.1
"""Share of the budget that starts from the seed, before anything is bred."""

DRY = 3
"""Requests in a row that gave nothing new from the seed end it before."""


class Opening:
    """Whether the opening lasts: while its share of the budget does, and while something new comes of the seed."""

    def __init__(self) -> None:
        self._dry = 0

    def lasts(self, progress: float) -> bool:
        """Whether a request at this share of the budget starts from the seed."""
        return progress < OPENING and self._dry < DRY

    def told(self) -> None:
        """Something new came; an opening that is over stays over."""
        if self._dry < DRY:
            self._dry = 0

    def declined(self) -> None:
        """Nothing new came."""
        self._dry = min(DRY, self._dry + 1)

    def snapshot(self) -> dict[str, Any]:
        """How many requests in a row gave nothing new."""
        return {"dry": self._dry}

    def restore(self, state: Mapping[str, Any]) -> None:
        """The inverse of :meth:`snapshot`; runs of before there was one kept nothing."""
        self._dry = state.get("dry", 0)
