"""What a run begins with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from warploom.errors import ProblemError
from warploom.problems.load import load_problem
from warploom.search.task import starting_candidate
from warploom.testing.synthetic import synthetic_problem
from warploom.toolchain import cpp, gpu, opencl
from warploom.values.config import RunConfig
from warploom.values.problem import Problem

CHECKS = {"cpp": cpp, "cuda": gpu, "triton": gpu, "opencl": opencl}


@pytest.mark.parametrize("language", CHECKS)
def test_a_problem_with_a_long_name_has_a_file_that_toolchains_take(language: str, tmp_path: Path) -> None:
    """Imported problems are called as their files are, with ninety letters and more."""
    problem = replace(synthetic_problem(), name="level1_81_" + 80 * "x")
    (tmp_path / "seed").write_text("// a kernel\n")
    candidate = starting_candidate(RunConfig("p", target=language, start=str(tmp_path / "seed")), problem)
    ((name, _),) = candidate.sources
    assert CHECKS[language]._FILE_NAME.fullmatch(name)
    assert candidate.entry_point == problem.name
    short = starting_candidate(RunConfig("p", start=str(tmp_path / "seed")), synthetic_problem())
    assert short.sources[0][0] == f"{synthetic_problem().name}.cpp"


MINE = """import torch

from warploom import Problem, Tensor, Workload


def shifted(x: torch.Tensor) -> torch.Tensor:
    return {formula}


problem = Problem(
    name="shifted",
    title="one more than each",
    axes=("n",),
    inputs={{"x": Tensor("n")}},
    outputs={{"out": Tensor("n")}},
    reference=shifted,
    workloads=[Workload(n=64)],
    held_out=[Workload(n=3)],
)
"""


@pytest.mark.torch
def test_a_problem_without_a_source_begins_with_its_reference_as_plain_loops(tmp_path: Path) -> None:
    path, said = tmp_path / "shifted.py", list[str]()
    path.write_text(MINE.format(formula="torch.relu(x) + 1"))
    candidate = starting_candidate(RunConfig(str(path)), load_problem(path), said.append)
    assert 'extern "C" void shifted(const float* x, float* out, int64_t n)' in candidate.source
    assert "EVOLVE-BLOCK-START" in candidate.source
    assert said == ["no starting source beside the problem: it begins with the reference as plain loops"]
    (tmp_path / "seed.cpp").write_text("// mine\n")
    assert starting_candidate(RunConfig(str(path)), load_problem(path), said.append).source == "// mine\n"
    assert len(said) == 1


def test_what_cannot_be_lowered_says_both_ways_to_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "twice.py"
    path.write_text("")

    def refuse(problem: Problem) -> str:
        raise ProblemError("aten.svd: there are no loops for it")

    monkeypatch.setattr("warploom.search.task.lower", refuse)
    with pytest.raises(ProblemError) as raised:
        starting_candidate(RunConfig(str(path)), synthetic_problem())
    assert f"{path}: no starting implementation in cpp; write seed.cpp or twice.seed.cpp" in str(raised.value)
    assert "--start" in str(raised.value)
    assert "it could not be made from the reference: aten.svd: there are no loops for it" in str(raised.value)


def test_in_another_language_nothing_is_lowered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "twice.py"
    path.write_text("")
    monkeypatch.setattr("warploom.search.task.lower", lambda problem: pytest.fail("there are no loops in CUDA"))
    with pytest.raises(ProblemError, match=r"no starting implementation in cuda; write seed\.cu"):
        starting_candidate(RunConfig(str(path), target="cuda"), synthetic_problem())
