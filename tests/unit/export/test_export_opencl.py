"""A kernel that cannot be exported yet is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from warploom.errors import SourceError
from warploom.export import gather as module
from warploom.search.best.evidence import Evidence, read_evidence

Make = Callable[..., Path]


def test_a_kernel_in_opencl_is_refused(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def other(place: Path) -> Evidence:
        found = read_evidence(place)
        return replace(found, candidate=replace(found.candidate, language="opencl"))

    monkeypatch.setattr(module, "read_evidence", other)
    with pytest.raises(SourceError, match="a kernel in opencl; only C\\+\\+ can be exported"):
        module.gather([make()])
