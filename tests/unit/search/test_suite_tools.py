"""The tools of this machine are the ones that `evolve`, `audit` and `seed` use."""

from __future__ import annotations

from pathlib import Path

import pytest

from warploom.errors import ProblemError
from warploom.problems.load import find_seed, load_problem
from warploom.search.suite import tools
from warploom.testing.synthetic import synthetic_problem


def test_what_is_beside_a_problem_is_its_start(tmp_path: Path) -> None:
    local = tools.local_tools(tmp_path)
    assert local.find_seed("softmax", "cpp") == find_seed("softmax", "cpp")
    assert local.load is load_problem


def test_a_reference_is_lowered_to_cpp_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "lower", lambda problem: f"// {problem.name}\n")
    local = tools.local_tools(tmp_path)
    assert local.lower(synthetic_problem(), "cpp") == "// twice\n"
    with pytest.raises(ProblemError, match="twice: references are lowered to cpp, not to cuda"):
        local.lower(synthetic_problem(), "cuda")
