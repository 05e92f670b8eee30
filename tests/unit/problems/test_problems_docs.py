"""The example and the tables of docs/problem-file.md are true."""

import json
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from warploom.problems.load import find_seed, load_problem
from warploom.values.problem import ITEM_BYTES, RECIPES, Problem, Tensor
from warploom.values.signature import signature
from warploom.values.tolerance import Tolerance

PAGE = (Path(__file__).parents[3] / "docs" / "problem-file.md").read_text()
HARNESS = Path(__file__).with_name("seed_harness.py")


def block(language: str) -> str:
    (text,) = re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)
    return str(text)


@pytest.mark.torch
def test_the_example_loads_and_its_seed_is_right(tmp_path: Path) -> None:
    path = tmp_path / "problem.py"
    path.write_text(block("python"))
    path.with_name("seed.cpp").write_text(block("cpp"))
    problem = load_problem(path, tmp_path / "cache")
    declaration = signature(problem).c_declaration()
    assert declaration in PAGE.replace(block("cpp"), "")
    assert declaration in find_seed(path).read_text()
    done = subprocess.run([sys.executable, str(HARNESS), str(tmp_path), str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []


@pytest.mark.torch
def test_the_harness_that_says_so_sees_a_wrong_seed(tmp_path: Path) -> None:
    path = tmp_path / "problem.py"
    path.write_text(block("python"))
    path.with_name("seed.cpp").write_text(block("cpp").replace("j = 0", "j = 1", 1))
    done = subprocess.run([sys.executable, str(HARNESS), str(tmp_path), str(path)], capture_output=True, text=True)
    assert len(json.loads(done.stdout)) >= 4


def test_every_field_and_every_choice_is_in_the_tables() -> None:
    for kind in (Problem, Tensor, Tolerance):
        for field in fields(kind):
            assert f"`{field.name}`" in PAGE or f"{field.name}=" in PAGE, f"{kind.__name__}.{field.name}"
    for word in (*RECIPES, *ITEM_BYTES):
        assert f"`{word}`" in PAGE, word


def test_the_defaults_are_as_written() -> None:
    assert Tolerance() == Tolerance(factor=64.0, absolute=0.0, relative=0.0)
    assert Tensor("n") == Tensor("n", dtype="float32", low=None, high=None, scale=1.0, positive=False)
