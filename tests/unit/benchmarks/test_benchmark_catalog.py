from __future__ import annotations

import importlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture(scope="module")
def catalog() -> ModuleType:
    return importlib.import_module("benchmarks.catalog")


def shown(eager: float = 4.0, compiled: float | None = 2.0, **more: Any) -> dict[str, Any]:
    def entry(median: float) -> dict[str, Any]:
        return {"median": median, "low": median * 0.9, "high": median * 1.1}

    baselines: dict[str, Any] = {"eager": {"baseline_ns": 4e6, "speedup": entry(eager)}}
    if compiled is not None:
        baselines["compile"] = {"baseline_ns": 2e6, "speedup": entry(compiled)}
    return {
        "best": "0123456789abcdef",
        "finished": True,
        "evaluations": 150,
        "minutes": 1.5,
        "speedup": {"eager": entry(eager), "compile": entry(compiled) if compiled is not None else None},
        "workloads": [{"workload": "rows=1", "call_ns": 1e6, "baselines": baselines}],
        **more,
    }


class Recorded:
    def __init__(self, *answers: Mapping[str, Any]) -> None:
        self.answers = list(answers)
        self.calls: list[list[str]] = []

    def __call__(self, words: Sequence[str]) -> Mapping[str, Any]:
        self.calls.append(list(words))
        return self.answers.pop(0)


def test_a_new_problem_is_evolved(catalog: ModuleType, tmp_path: Path) -> None:
    call = Recorded({"best": "x"}, shown())
    row = catalog.run_problem("softmax", tmp_path / "softmax", ["--evaluations", "5"], call)
    assert [words[0] for words in call.calls] == ["evolve", "show"]
    assert call.calls[0][1:] == ["softmax", "--run", str(tmp_path / "softmax"), "--evaluations", "5"]
    assert row["verified"]
    assert (row["eager_ms"], row["compile_ms"], row["best_ms"]) == (4.0, 2.0, 1.0)


def test_a_finished_run_is_read_and_not_run_again(catalog: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "journal.db").touch()
    call = Recorded(shown())
    assert catalog.run_problem("softmax", tmp_path, [], call)["verified"]
    assert [words[0] for words in call.calls] == ["show"]


def test_an_interrupted_run_is_resumed(catalog: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "journal.db").touch()
    call = Recorded(shown(finished=False, best=""), {}, shown())
    assert catalog.run_problem("softmax", tmp_path, [], call)["verified"]
    assert [words[0] for words in call.calls] == ["show", "resume", "show"]


def test_failures_are_named_and_count(catalog: ModuleType) -> None:
    rows = [
        catalog.to_row("a", shown(eager=4.0, compiled=4.0)),
        catalog.to_row("b", {"error": "the starting source failed"}),
        catalog.to_row("c", {"best": ""}),
        catalog.to_row("d", shown(eager=4.0, compiled=None)),
    ]
    means = catalog.summarise(rows)
    assert means["failed"] == ["b", "c"]
    assert means["eager"]["geometric_mean"] == pytest.approx(2.0)  # 4 · 4 · 1 · 1
    assert means["compile"]["geometric_mean"] == pytest.approx(4.0**0.25)
    assert means["compile"]["counted_as_1"] == ["b", "c", "d"]
    low, high = means["eager"]["interval"]
    assert (low, high) == pytest.approx((2.0 * 0.9 ** (2**0.5 / 4), 2.0 * 1.1 ** (2**0.5 / 4)))
    assert (means["eager"]["median"], means["eager"]["worst"]) == (2.5, 1.0)
    assert (means["eager"]["faster"], means["eager"]["faster_for_sure"]) == (2, 2)
    text = catalog.table(rows, means)
    assert f"2.000 [{low:.3f}, {high:.3f}]; median 2.50, worst 1.00" in text
    assert "FAILED: the starting source failed" in text
    assert "counted as 1: b, c, d" in text


def test_the_result_has_machine_versions_and_command(catalog: ModuleType, tmp_path: Path) -> None:
    output = tmp_path / "results" / "catalog.json"
    catalog.write(output, [catalog.to_row("a", shown())], ["--problems", "a"])
    found = json.loads(output.read_text())
    assert found["command"] == "python benchmarks/catalog.py --problems a"
    assert found["machine"]["cores"] >= 1
    assert set(found["machine"]["versions"]) == {"python", "warploom", "torch", "g++"}
    assert found["rows"][0]["problem"] == "a"


def test_unknown_problems_are_refused(catalog: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        catalog.main(["--problems", "nope"])
    assert ended.value.code == 2
    assert "nope" in capsys.readouterr().err
