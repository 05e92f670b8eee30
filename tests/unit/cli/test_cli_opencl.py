"""What the commands make of a file in OpenCL, without judging anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from warploom.cli import judge as command
from warploom.cli.main import BAD_INPUT, FAILED, run
from warploom.errors import SourceError
from warploom.judge import places
from warploom.search.best.folder import kernel_path
from warploom.search.task import starting_candidate
from warploom.values.config import RunConfig
from warploom.values.job import Job
from warploom.values.outcome import Evaluation, Failed
from warploom.values.problem import Problem, Reference, Tensor, Workload

PROBLEM = Problem("twice", ("n",), {"x": Tensor("n")}, {"out": Tensor("n")}, Reference("", "", ""), (Workload(n=4),))


class Recording:
    """A judge that keeps what it is given."""

    asked: dict[str, Any]

    def __init__(self, problem: Problem, **options: Any) -> None:
        Recording.asked = dict(options)

    def __enter__(self) -> Recording:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def evaluate(self, job: Job) -> Evaluation:
        Recording.asked["candidate"] = job.candidate
        return Failed("build", "compile_error", "no")


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(command, "LocalJudge", Recording)
    monkeypatch.setattr(command, "load_problem", lambda word: PROBLEM)
    path = tmp_path / "mine.cl"
    path.write_text("__kernel void twice() {}\n")
    return path


def test_judge_takes_a_file_in_opencl_to_the_judge_of_opencl(kernel: Path) -> None:
    assert run(["judge", "twice", str(kernel), "--json"]) == FAILED
    assert Recording.asked["language"] == "opencl"
    assert Recording.asked["candidate"].language == "opencl"
    assert Recording.asked["candidate"].sources[0][0] == "kernel.cl"
    other = kernel.with_suffix(".cpp")
    other.write_text("void twice();\n")
    assert run(["judge", "twice", str(other), "--json"]) == FAILED
    assert Recording.asked["language"] == Recording.asked["candidate"].language == "cpp"


def test_judge_says_what_cannot_run_here(
    kernel: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "find_devices", lambda: ())
    other = kernel.with_suffix(".cu")
    other.write_text("void twice();\n")
    assert run(["judge", "twice", str(other)]) == BAD_INPUT
    assert (
        "mine.cu: cuda runs on a GPU, and there is none here; `warploom build` compiles it" in capsys.readouterr().err
    )


def test_build_says_that_opencl_is_judged(kernel: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["build", "gelu_tanh", str(kernel)]) == BAD_INPUT
    assert "mine.cl is OpenCL, which runs on this processor; `warploom judge`" in capsys.readouterr().err


def test_a_run_starts_from_the_seed_of_its_language() -> None:
    candidate = starting_candidate(RunConfig("softmax", target="opencl"), PROBLEM)
    assert candidate.language == "opencl"
    assert candidate.sources[0][0] == "twice.cl"
    assert "__kernel void softmax" in candidate.source
    with pytest.raises(SourceError, match="cannot read"):
        starting_candidate(RunConfig("softmax", target="opencl", start="no_such.cl"), PROBLEM)


def test_the_best_kernel_is_found_whatever_its_language(tmp_path: Path) -> None:
    assert kernel_path(tmp_path).name == "kernel.cpp"
    (tmp_path / "best").mkdir()
    (tmp_path / "best" / "evidence.json").touch()
    (tmp_path / "best" / "kernel.cl").touch()
    assert kernel_path(tmp_path) == tmp_path / "best" / "kernel.cl"
