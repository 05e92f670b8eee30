"""Evidence of a small operator, written where a test wants it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from warploom.testing.evidence import PICK_SCALE, PICK_SCALE_KERNEL, pick_scale_problem, write_evidence


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Path]:
    """Writes evidence: ``make("name", source=…, text=…, problem={…}, **more)`` → its folder."""

    def made(
        name: str = "best",
        *,
        source: str = PICK_SCALE_KERNEL,
        text: str = PICK_SCALE,
        problem: dict[str, Any] | None = None,
        **more: Any,
    ) -> Path:
        return write_evidence(tmp_path / name, pick_scale_problem(**(problem or {})), text, source, **more)

    return made
