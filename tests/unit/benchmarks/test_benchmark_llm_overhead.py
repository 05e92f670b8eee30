"""The overhead of models is measured on runs that are what they seem."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest

from warploom.testing.chat_server import ChatServer
from warploom.testing.synthetic_model import SyntheticModel


@pytest.fixture(scope="module")
def overhead() -> ModuleType:
    return importlib.import_module("benchmarks.llm_overhead")


def test_every_candidate_is_asked_for_and_filled_ones_are_not(overhead: ModuleType, tmp_path: Path) -> None:
    with ChatServer(SyntheticModel(numbered=True)) as server:
        row = overhead.one_size(tmp_path / "run", 500, 12, 8, server.base_url)
        assert 8 + 12 <= server.requests < 200
    assert row.keys() == overhead.COLUMNS.keys()
    assert row["candidates"] == 500
    assert row["per_second"] > 0
    assert row["prompt_bytes"] > 2000
    with overhead.journals.read(tmp_path / "run") as journal:
        said = journal.conversations.spending.requests
        known = sum(1 for _ in journal.candidates())
    assert said >= 492 + 8 + 12
    assert known >= 500 + 12
