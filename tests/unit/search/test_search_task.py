"""What a run begins with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from warploom.search.task import starting_candidate
from warploom.testing.synthetic import synthetic_problem
from warploom.toolchain import cpp, gpu, opencl
from warploom.values.config import RunConfig

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
