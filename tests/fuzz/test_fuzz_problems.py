"""Problem files: whatever stands in one, it is a problem that can be judged or one line that says why not."""

from __future__ import annotations

import json
import random
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warploom.errors import ProblemError
from warploom.judge.content.layout import input_layout, output_layout
from warploom.problems.load import CATALOG, load_problem
from warploom.problems.native import detach, execute, read
from warploom.testing.damage import damaged, damaged_text, odd_text, odd_value
from warploom.testing.fuzz import Target, refused
from warploom.values.problem import Problem, Tensor, Workload, describe, from_description
from warploom.values.shape import extents
from warploom.values.signature import signature
from warploom.values.tolerance import Tolerance

FILES = [path.read_bytes() for path in sorted(CATALOG.glob("*/problem.py"))]
PLAIN = b"""from warploom.values.problem import Problem, Tensor, Workload
from warploom.values.tolerance import Tolerance

def twice(x):
    return x + x

problem = Problem(
    name="twice",
    axes=("rows", "cols"),
    inputs={"x": Tensor("rows cols", "float32")},
    outputs={"out": Tensor("rows cols", "float32")},
    reference=twice,
    workloads=[Workload(rows=4, cols=5)],
    held_out=[Workload(rows=1, cols=1, recipe="wide")],
    tolerance=Tolerance(factor=4.0),
    operations="rows*cols",
)
"""
WORDS = (
    "-1", "0", "2**70", "10**12", "1.5", "None", "True", "float('nan')", "'x'", "b'x'", "[]", "{}", "()", "object()", "lambda *a: a", "print",
    "'rows  cols'", "'rows+'", "'rows//0'", "'rows%0'", "'-rows'", "'rows**9'", "'a.b'", "'cols*cols'", "'__import__'", "'\\x00'", "rows=7",
    "Tensor('')", "Tensor('4')", "Tensor('rows', low='q')", "Workload()", "Tolerance(-1)", "raise ValueError", "import nothing", "1/0", "exit(3)",
    "recipe='special'", "recipe=7", "'float8'", "'int32'", "scale='x'", "scale=float('nan')", "low=9**99", "factor=float('inf')", "\t", "yield", "async",
)  # fmt: skip
TORCH = [ModuleType(name) for name in ("torch", "torch.nn", "torch.nn.functional")]
TORCH[0].nn, TORCH[1].functional = TORCH[1:]  # type: ignore[attr-defined]
TORCH[0].Tensor = TORCH[0].float32 = object  # type: ignore[attr-defined]


def draw_file(rng: random.Random) -> bytes:
    original = PLAIN if rng.random() < 0.4 else rng.choice(FILES)
    match rng.randrange(8):
        case 0:
            return damaged(rng, original)
        case 1:
            return odd_text(rng, 200).encode()
        case _:
            return damaged_text(rng, original.decode(), WORDS, most=3).encode()


def use(problem: Problem) -> None:
    """What the search and the judge do with a problem before anything is computed."""
    again = from_description(json.loads(json.dumps(describe(problem))))
    assert (again.hash, describe(again)) == (problem.hash, describe(problem))
    signature(problem)
    for workload in (*problem.workloads, *problem.held_out):
        for layout in (input_layout(problem, workload, slack=True), output_layout(problem, workload)):
            assert layout.size_bytes > 0
        assert problem.traffic_bytes(workload) > 0


def check_file(data: bytes) -> str:
    with tempfile.TemporaryDirectory() as folder, mock.patch.dict(sys.modules, {one.__name__: one for one in TORCH}):
        path = Path(folder) / "problem.py"
        path.write_bytes(data)
        try:
            problem = detach(execute(path), path, read(path))
        except ProblemError as error:
            return refused(error) if str(path) in str(error) else f"an error that names no file: {error}"
        finally:
            for name in [name for name in sys.modules if name.startswith("warploom_problem_")]:
                del sys.modules[name]
    use(problem)
    return "a problem"


FIELDS: dict[type, dict[str, Any]] = {
    Tensor: {"shape": "rows cols", "dtype": "float32", "low": None, "high": None, "scale": 1.0, "positive": False},
    Tolerance: {"factor": 4.0, "absolute": 0.0, "relative": 0.0},
    Workload: {"recipe": "normal", "rows": 4, "cols": 3},
    Problem: {
        "name": "twice", "axes": ("rows", "cols"), "inputs": {"x": Tensor("rows cols")}, "outputs": {"out": Tensor("rows")}, "reference": print,
        "workloads": [Workload(rows=2, cols=3)], "held_out": [], "tolerance": Tolerance(), "title": "", "operations": "",
    },
}  # fmt: skip


def draw_field(rng: random.Random) -> tuple[type, dict[str, Any]]:
    kind = rng.choice(list(FIELDS))
    given = dict(FIELDS[kind])
    for name in rng.sample(list(given), rng.randint(1, 2)):
        given[name] = odd_value(rng)
    return kind, given


def check_field(made: tuple[type, dict[str, Any]]) -> str:
    """Values of the wrong type for each field: refused in words, and never taken for something else later on."""
    kind, given = made
    try:
        found = kind(**given)
        problem = found if isinstance(found, Problem) else around(found)
    except ProblemError as error:
        return refused(error)
    use(detach(problem, Path("p.py"), "text"))
    return "accepted"


def around(part: Any) -> Problem:
    """The plain problem with this part in it."""
    given = dict(FIELDS[Problem])
    match part:
        case Tensor():
            given["inputs"] = {"x": part}
        case Tolerance():
            given["tolerance"] = part
        case Workload():
            given["workloads"] = [part]
    return Problem(**given)


def draw_shape(rng: random.Random) -> str:
    return damaged_text(
        rng,
        rng.choice(("rows cols", "batch (rows-3)//2+1 4", "rows*cols%7", "")),
        (*WORDS, "rows", "(", ")", "//", "~", ":="),
    )


def check_shape(shape: str) -> str:
    try:
        lengths = extents(shape, {"rows": 7, "cols": 5, "batch": 2})
    except ProblemError as error:
        return refused(error)
    assert all(type(length) is int for length in lengths)
    return "a shape"


TARGETS = (
    Target("problem files", draw_file, check_file, weight=4, few=150),
    Target("problem fields", draw_field, check_field, weight=8, few=300),
    Target("shapes", draw_shape, check_shape, weight=6, few=300),
)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_damaged_problems(target: Target) -> None:
    assert len(target.short_run()) == 2, "both right and wrong ones were drawn"


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(st.text(max_size=30))
def test_any_text_as_a_shape(shape: str) -> None:
    check_shape(shape)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(st.binary(max_size=60))
def test_any_bytes_as_a_problem_file(data: bytes) -> None:
    check_file(data)
    check_file(PLAIN + data)


@pytest.mark.parametrize(
    "extra", [b"\xff", b"\0", b"problem = ", b"import sys; sys.exit(3)", b"import os; os._exit(0)", b"problem = 3"]
)
def test_a_bad_file_is_one_clear_line_from_its_own_process(extra: bytes, tmp_path: Path) -> None:
    path = tmp_path / "problem.py"
    path.write_bytes(PLAIN + b"\n" + extra)
    with pytest.raises(ProblemError) as caught:
        load_problem(path, tmp_path / "cache")
    assert str(path) in str(caught.value)
    refused(caught.value)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Tolerance(factor=float("nan")), "finite numbers"),  # every comparison with it would have passed
        (lambda: Tolerance(factor=float("inf")), "finite numbers"),
        (lambda: Tolerance("4"), "finite numbers"),  # type: ignore[arg-type]
        (lambda: Tensor("n", dtype=["f"]), "dtype"),  # type: ignore[arg-type]
        (lambda: Tensor("n", low=1.5), "low must be"),  # type: ignore[arg-type]
        (lambda: Tensor("n", scale=float("nan")), "scale must be"),
        (lambda: Tensor("n", positive="no"), "positive must be"),  # type: ignore[arg-type]
        (lambda: around(Tensor("rows", "int8", low=-200)), "outside of int8"),
        (lambda: around(Tensor("rows", "int32", high="cols*classes")), "classes"),
        (lambda: around(Tensor("rows", "int32", low=5, high=2)), r"tensor '\w+': no number lies from low = 5 to below"),
        (lambda: around(Tensor("rows", "int32", low=5, high=5)), "high is one more than the largest"),
        (lambda: around(Tensor("rows", "int32", low="rows", high=0)), "high = 0 where .* is not below 0"),
        (lambda: Tensor("n", low=0, high=1), "low and high: for integer tensors, not for float32"),
        (lambda: Tensor("n", "bfloat16", high="n"), "^high: for integer tensors, not for bfloat16"),
        (lambda: around(Workload(rows=10**9, cols=10**9)), "bytes"),
        (lambda: extents("rows//0", {"rows": 1}), "divides by zero where rows is 1"),
        (lambda: extents("True", {}), "may use integers"),
        (lambda: extents("-" * 5000 + "1", {}), "not an integer expression"),
        (lambda: extents("4096inner", {"inner": 1}), "not an integer expression"),
    ],
)  # fmt: skip
def test_what_a_field_cannot_be_is_said(make: Any, said: str) -> None:
    """Found: each of these ended in a traceback, later on, or was taken for something else."""
    with pytest.raises(ProblemError, match=said):
        make()
