"""The GPU benchmark's words, its table and its way out; what it measures is tested with the judge."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from warploom.errors import ConfigError
from warploom.sandbox.gpu_device import find_devices

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def gpu() -> ModuleType:
    return importlib.import_module("benchmarks.gpu")


def figure(median: float) -> dict[str, float]:
    return {"median": median, "low": median - 0.1, "high": median + 0.1}


def row(problem: str, eager: float, compiled: float, tuned: bool = False) -> dict[str, object]:
    found = {
        "problem": problem,
        "language": "cuda",
        "roofline": 0.5,
        "eager": figure(eager),
        "compile": figure(compiled),
    }
    return {**found, "tuned": True} if tuned else found


def test_the_table_counts_the_best_of_each_problem(gpu: ModuleType) -> None:
    rows = [row("one", 1.0, 0.5), row("one", 4.0, 0.9, tuned=True), row("two", 1.0, 2.0)]
    failed = {"problem": "three", "language": "cuda", "failed": "verify: crash: why"}
    said = gpu.shown([*rows, failed])
    assert "best of each over eager: 2.00× (geometric mean), 2 of 2 at least 1×" in said
    assert "best of each over compile: 1.34× (geometric mean), 1 of 2 at least 1×" in said
    assert "verify: crash: why" in said
    assert "* tuned, without a model" in said


def test_without_a_gpu_it_says_so_and_ends(
    gpu: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def none(language: str) -> None:
        raise ConfigError("cuda runs on a GPU, and there is none here")

    monkeypatch.setattr(gpu, "require_device", none)
    assert gpu.main([]) == 2
    assert capsys.readouterr().err == "gpu: cuda runs on a GPU, and there is none here\n"


def test_no_problem_begins_when_the_time_is_nearly_up(gpu: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []

    def asked(name: str, arguments: object, seconds: float) -> list[dict[str, object]]:
        begun.append(name)
        return [row(name, 1.0, 1.0)]

    monkeypatch.setattr(gpu, "asked", asked)
    assert gpu.everything(SimpleNamespace(minutes=1.0), ["one", "two"]) == [row("one", 1.0, 1.0), row("two", 1.0, 1.0)]
    (late,) = gpu.everything(SimpleNamespace(minutes=0.1), ["three"])
    assert late["failed"] == "not begun: the time was nearly up"
    assert sorted(begun) == ["one", "two"]


def test_tuning_keeps_what_is_faster_and_judges_it_as_the_seed_was(
    gpu: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = SimpleNamespace(name="softmax_bf16", hash="0" * 16)
    efforts: list[str] = []

    def row_of(judge: object, candidate: object, effort: str) -> dict[str, object]:
        efforts.append(effort)
        parameters = dict(candidate.parameters)  # type: ignore[attr-defined]
        speed = 2.0 if parameters.get("THREADS") == 128 else 0.5
        return {**row("softmax_bf16", speed, 1.0), "parameters": parameters, "effort": effort}

    monkeypatch.setattr(gpu, "row_of", row_of)
    judge = SimpleNamespace(problem=problem)
    first = {**row("softmax_bf16", 1.0, 1.0), "parameters": {}, "effort": "promote"}
    best = gpu.tuned(judge, first, float("inf"))
    assert best["parameters"] == {"THREADS": 128}
    assert best["tuned"]
    assert efforts[-1] == "promote"
    assert set(efforts[:-1]) == {"screen"}
    assert gpu.tuned(judge, {**first, "eager": figure(9.0)}, float("inf")) is None


def test_judging_needs_numpy_alone() -> None:
    modules = "warploom.judge.evaluate, warploom.problems.load"
    code = f"import sys, {modules}\nprint(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"typer", "rich", "anyio", "optuna", "jinja2", "tree_sitter", "tree_sitter_cpp", "torch"}
    assert not set(done.stdout.split()) & heavy


@pytest.mark.skipif(bool(find_devices()), reason="a GPU is here: the script would use it")
def test_the_script_says_in_one_line_that_there_is_no_gpu() -> None:
    environment = {**os.environ, "WARPLOOM_PYTHON": sys.executable}
    done = subprocess.run([ROOT / "scripts" / "gpu"], capture_output=True, text=True, env=environment)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("gpu: no GPU is here")
    assert len(done.stderr.splitlines()) == 1
