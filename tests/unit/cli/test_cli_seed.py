"""What `seed` makes of its words, without starting PyTorch."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from warploom.cli import seed as command
from warploom.cli.main import BAD_INPUT, PASSED, run
from warploom.errors import ProblemError
from warploom.values.problem import Problem, Reference, Tensor, Workload

Captured = pytest.CaptureFixture[str]
PROBLEM = Problem(
    "twice", ("n",), {"x": Tensor("n")}, {"out": Tensor("n")}, Reference("", "", ""), (Workload(n=4),), title="doubled"
)
SOURCE = "// EVOLVE-BLOCK-START\nint twice;\n// EVOLVE-BLOCK-END\n"


@pytest.fixture(autouse=True)
def lowered(monkeypatch: pytest.MonkeyPatch) -> None:
    def lower(problem: Problem) -> str:
        assert problem is PROBLEM
        return SOURCE

    monkeypatch.setattr(command, "lower", lower)
    monkeypatch.setattr(command, "load_problem", lambda word: PROBLEM)


def test_the_kernel_goes_to_standard_output(capsys: Captured) -> None:
    assert run(["seed", "twice"]) == PASSED
    said = capsys.readouterr()
    assert (said.out, said.err) == (SOURCE, "")


def test_the_kernel_goes_to_a_file_and_the_next_step_is_told(tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "first.cpp"
    assert run(["seed", "twice", "--target", "cpp", "--out", str(file)]) == PASSED
    assert file.read_text() == SOURCE
    said = capsys.readouterr()
    assert said.out == ""
    assert f"warploom evolve twice --start {file}" in said.err


def test_json_holds_the_file_or_the_source(tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "first.cpp"
    assert run(["seed", "twice", "--json", "--out", str(file)]) == PASSED
    known = {"problem": "twice", "hash": PROBLEM.hash, "target": "cpp"}
    assert json.loads(capsys.readouterr().out) == {**known, "file": str(file)}
    assert run(["seed", "twice", "--json"]) == PASSED
    assert json.loads(capsys.readouterr().out) == {**known, "source": SOURCE}


def test_a_file_is_written_over_by_force_alone(tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "mine.cpp"
    file.write_text("mine")
    assert run(["seed", "twice", "--out", str(file)]) == BAD_INPUT
    assert "--force" in capsys.readouterr().err
    assert file.read_text() == "mine"
    assert run(["seed", "twice", "--out", str(file), "--force"]) == PASSED
    assert file.read_text() == SOURCE


def test_an_unknown_target_names_the_known(capsys: Captured) -> None:
    assert run(["seed", "twice", "--target", "fortran"]) == BAD_INPUT
    assert "--target fortran: known: cpp" in capsys.readouterr().err


def test_a_missing_operator_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    def lower(problem: Problem) -> str:
        raise ProblemError(f"{problem.name}: the operator aten.sort.stable cannot be lowered to C++ yet")

    monkeypatch.setattr(command, "lower", lower)
    assert run(["seed", "twice"]) == BAD_INPUT
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "error: twice: the operator aten.sort.stable cannot be lowered to C++ yet\n"
