from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FILE = Path(__file__).resolve().parents[3] / "benchmarks" / "study.py"


@pytest.fixture
def study() -> ModuleType:
    spec = importlib.util.spec_from_file_location("benchmark_study", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_variant_runs_with_the_same_budget_and_the_table_compares_them(
    study: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[Sequence[str]] = []

    def answer(words: Sequence[str]) -> dict[str, Any]:
        calls.append(words)
        if "greedy" in words:
            return {"error": "no compiler"}
        speed = 3.0 if "--no-bandit" in words else 2.0
        return {"speedup": {"eager": {"median": speed}}, "evaluations": 20, "best": "x", "failures": {}}

    monkeypatch.setattr(study, "warploom", answer)
    out = tmp_path / "study.json"
    words = ["--problems", "a,b", "--seeds", "0,1", "--evaluations", "20"]
    monkeypatch.setattr(sys, "argv", ["study.py", *words, "--runs", str(tmp_path), "--out", str(out)])
    study.main()
    assert len(calls) == 2 * 2 * len(study.VARIANTS)
    assert all(words[words.index("--evaluations") + 1] == "20" for words in map(list, calls))
    assert sum("--no-crossover" in words for words in calls) == 4
    rows = json.loads(out.read_text())["rows"]
    assert {row["eager"] for row in rows if row["variant"] == "greedy"} == {1.0}
    table = {
        line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line and not line.startswith("a-")
    }
    assert "3.000×" in table["islands-without-bandit"]
    assert "4 of 4" in table["islands-without-bandit"]
    assert "1.000×" in table["greedy"]


def test_a_run_that_is_there_is_resumed_not_begun_again(
    study: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "journal.db").write_text("")
    calls: list[Sequence[str]] = []

    def answer(words: Sequence[str]) -> dict[str, Any]:
        calls.append(words)
        return {"speedup": {}}

    monkeypatch.setattr(study, "warploom", answer)
    assert study.one("a", 0, "islands", 20, tmp_path)["eager"] == 1.0
    assert calls == [["resume", str(tmp_path)]]
