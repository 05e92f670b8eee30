"""What is published of a benchmark: every problem, no path of this machine."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from warploom.search.suite.listing import Entry
from warploom.search.suite.plan import Plan
from warploom.testing.suite_world import SuiteWorld


@pytest.fixture
def suite() -> ModuleType:
    return importlib.import_module("benchmarks.suite")


def test_every_problem_is_published_without_places(
    suite: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "checkout"
    addresses = [f"kernelbench:1/{number}?root={root}" for number in (1, 2)]
    world = SuiteWorld(tmp_path)
    world.broken = {addresses[1]: f"{root}/2_Bad.py: no such thing"}
    entries = tuple(Entry(f"kb-1-{number}", one, "level 1") for number, one in enumerate(addresses, start=1))
    results = world.bench(
        Plan(("kernelbench:1",), entries, {"evaluations": 6, "seed": 1, "proposer": "moves"}, False, "0")
    )
    out = tmp_path / "published.json"
    monkeypatch.setattr(sys, "argv", ["suite.py", str(results.folder), "--out", str(out)])
    assert suite.main() == 0
    found = json.loads(out.read_text())
    assert str(tmp_path) not in out.read_text()
    first, second = found["problems"]["kb-1-1"], found["problems"]["kb-1-2"]
    assert (first["status"], first["evaluations"]) == ("verified", results.rows[0].evaluations)
    assert first["speedup"]["eager"] == list(results.rows[0].speedup["eager"])
    assert second["reason"] == "…/2_Bad.py: no such thing"
    assert found["score"]["against"]["eager"]["fast_p"]["0"] == 0.5
    assert found["asked"]["evaluations"] == 6
    printed = capsys.readouterr().out
    assert "| all | 2 | 0.50 |" in printed
    assert "- kb-1-2: not started: " in printed
    assert sum('"level": ' in line for line in out.read_text().splitlines()) == 2, "a problem a line"
