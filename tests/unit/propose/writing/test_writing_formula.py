from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from warploom.propose.writing.formula import formula
from warploom.values.problem import Reference


def reference(folder: Path, text: str, name: str = "f") -> Reference:
    path = folder / f"{hashlib.sha256(text.encode()).hexdigest()[:8]}.py"
    path.write_text(text)
    return Reference(str(path), name, hashlib.sha256(text.encode()).hexdigest())


FILE = '''"""Held out: 41."""
import torch
from torch.nn import functional as F

SCALE = 2.0  # a comment
UNUSED = 5
HELD = Workload(rows=41)


@torch.no_grad()
def helper(x):
    return x * SCALE


def f(x):
    """Doc."""
    return F.relu(helper(x))


problem = Problem(reference=f, held_out=[HELD])
'''


def test_the_function_with_what_it_needs_and_nothing_else(tmp_path: Path) -> None:
    text = formula(reference(tmp_path, FILE))
    for line in (
        "import torch",
        "from torch.nn import functional as F",
        "SCALE = 2.0  # a comment",
        "@torch.no_grad()",
    ):
        assert line in text
    assert text.endswith('def f(x):\n    """Doc."""\n    return F.relu(helper(x))')
    for line in ("UNUSED", "Workload", "41", "Problem"):
        assert line not in text


def test_what_a_formula_takes_from_the_problem_is_left_out(tmp_path: Path) -> None:
    text = formula(reference(tmp_path, "HELD = Workload(rows=41)\ndef f(x):\n    return x * HELD.axes[0]\n"))
    assert text == "def f(x):\n    return x * HELD.axes[0]"


@pytest.mark.parametrize("text", ["def g(x): return x\n", "f = Workload\n", "def f(:\n", "f(1)\n"])
def test_no_function_no_formula(tmp_path: Path, text: str) -> None:
    assert formula(reference(tmp_path, text)) == ""


def test_a_file_that_changed_or_went_is_not_shown(tmp_path: Path) -> None:
    found = reference(tmp_path, "def f(x): return x\n")
    Path(found.path).write_text("def f(x): return 2 * x\n")
    assert formula(found) == ""
    assert formula(Reference(str(tmp_path / "none.py"), "f", "")) == ""
