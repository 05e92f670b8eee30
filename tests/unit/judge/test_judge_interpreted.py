"""The check in Triton's interpreter: what it catches, with a stand-in that computes in NumPy, and with Triton."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from warploom.judge.correctness import interpreted
from warploom.judge.correctness.interpreted import Interpreted, check_interpreted
from warploom.judge.reference.process import ReferenceProcess
from warploom.problems.load import load_problem
from warploom.toolchain.triton import HOW_TO_GET, TritonToolchain
from warploom.toolchain.triton_interpreter import Array, InterpretedCall, interpret
from warploom.values.candidate import Candidate
from warploom.values.outcome import Failed
from warploom.values.problem import Problem
from warploom.values.signature import Argument, Signature
from warploom.values.target import parse_target

present = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None, reason=f"Triton is not installed: {HOW_TO_GET}"
)
TOOLCHAIN = TritonToolchain(parse_target("triton").architectures)

PROBLEM = """
from warploom import Problem, Tensor, Workload

def twofold(x):
    return 2 * x

problem = Problem(
    name="twofold", title="twice", axes=("n",),
    inputs={"x": Tensor("n", dtype="TYPE")}, outputs={"out": Tensor("n", dtype="TYPE")},
    reference=twofold,
    workloads=[Workload(n=4096)],
    held_out=[Workload(n=1), Workload(n=700), Workload(n=1 << 22), Workload(n=99, recipe="special")],
)
"""
KERNEL = """import triton
import triton.language as tl

TUNE(BLOCK, 256, 256, 512)
TUNE(num_warps, 4, 4, 8)
LAUNCH(grid=(n + BLOCK - 1) // BLOCK)


@triton.jit
def twofold(x, out, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    value = tl.load(x + i, mask=i < n, other=0.0).to(tl.TYPE)
    tl.store(out + i, 2 * value, mask=i < n)
"""
Check = Callable[..., Interpreted]
Change = Callable[[InterpretedCall], tuple[Array, ...]]


@pytest.fixture(scope="module")
def references(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Problem]]:
    """The problem of a dtype; its PyTorch process is started once."""
    folder, known = tmp_path_factory.mktemp("references"), {}
    with contextlib.ExitStack() as stack, pytest.MonkeyPatch.context() as patch:

        def find(dtype: str) -> Problem:
            if dtype not in known:
                file = folder / f"{dtype}.py"
                file.write_text(PROBLEM.replace("TYPE", dtype))
                problem = load_problem(str(file))
                known[dtype] = problem, stack.enter_context(ReferenceProcess(problem, folder))
            return known[dtype][0]

        def borrow(problem: Problem, cache: Path) -> contextlib.AbstractContextManager[ReferenceProcess]:
            return contextlib.nullcontext(next(one for own, one in known.values() if own is problem))

        patch.setattr(interpreted, "ReferenceProcess", borrow)
        yield find


@pytest.fixture
def check(references: Callable[[str], Problem], tmp_path: Path) -> Check:
    return functools.partial(check_with, references, tmp_path)


def check_with(
    references: Callable[[str], Problem], tmp_path: Path, source: str = KERNEL, dtype: str = "float32"
) -> Interpreted:
    problem = references(dtype)
    candidate = Candidate("0" * 16, "triton", (("kernel.py", source.replace("TYPE", dtype)),), "twofold")
    return check_interpreted(problem, candidate, TOOLCHAIN, tmp_path / "cache", seed=5)


def stand_in(monkeypatch: pytest.MonkeyPatch, change: Change) -> None:
    def pretend(
        toolchain: TritonToolchain,
        candidate: Candidate,
        signature: Signature,
        calls: Sequence[InterpretedCall],
        _: Path,
    ) -> list[tuple[Array, ...]] | Failed:
        return [change(call) for call in calls]

    monkeypatch.setattr(interpreted, "interpret", pretend)
    monkeypatch.setattr(TritonToolchain, "version", lambda self: "pretend 1")


def twice(call: InterpretedCall) -> tuple[Array, ...]:
    return call.tensors[0], np.multiply(call.tensors[0], 2)


@pytest.mark.torch
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_right_kernel_is_right_and_the_record_says_how(
    dtype: str, monkeypatch: pytest.MonkeyPatch, check: Check
) -> None:
    stand_in(monkeypatch, twice)
    found = check(dtype=dtype)
    assert found.right, found.failed
    assert (len(found.checks), found.left_out) == (3, 1)
    assert all(one.held_out for one in found.checks)
    assert ("bfloat16 as float32" in found.how) == (dtype == "bfloat16")


def unwritten(call: InterpretedCall) -> tuple[Array, ...]:
    return call.tensors


def scribbling(call: InterpretedCall) -> tuple[Array, ...]:
    right = twice(call)
    return np.negative(right[0]), right[1]


def swallowing(call: InterpretedCall) -> tuple[Array, ...]:
    right = twice(call)
    return right[0], np.nan_to_num(right[1])


@pytest.mark.torch
@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (unwritten, "unwritten_output"),
        (scribbling, "input_changed"),
        (swallowing, "not_finite"),
        (lambda call: (call.tensors[0], np.multiply(call.tensors[0], 2.01)), "wrong_result"),
    ],
)
def test_a_wrong_kernel_is_wrong(change: Change, kind: str, monkeypatch: pytest.MonkeyPatch, check: Check) -> None:
    stand_in(monkeypatch, change)
    found = check()
    assert not found.right
    assert found.failed is not None
    assert found.failed.kind == kind


@pytest.mark.torch
def test_nothing_small_enough_is_not_right(monkeypatch: pytest.MonkeyPatch, check: Check) -> None:
    stand_in(monkeypatch, twice)
    monkeypatch.setattr(interpreted, "LARGEST_BYTES", 1)
    found = check()
    assert not found.right
    assert (found.checks, found.left_out) == ((), 4)


# ------------------------------------------------------------ with Triton itself


@present
@pytest.mark.torch
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_tritons_interpreter_finds_a_right_kernel_right(dtype: str, check: Check) -> None:
    found = check(dtype=dtype)
    assert found.right, found.failed


@present
@pytest.mark.torch
def test_tritons_interpreter_finds_a_wrong_kernel_wrong(check: Check) -> None:
    found = check(KERNEL.replace("2 * value", "3 * value"))
    assert found.failed is not None
    assert found.failed.kind == "wrong_result"


SIGNATURE = Signature(
    "twofold",
    (Argument("x", "float32", "input"), Argument("out", "float32", "output"), Argument("n", "int64", "axis")),
)


def call_it(source: str, tmp_path: Path) -> list[tuple[Array, ...]] | Failed:
    tensors = (np.arange(300, dtype="f4"), np.zeros(300, "f4"))
    candidate = Candidate("0" * 16, "triton", (("kernel.py", source.replace("TYPE", "float32")),), "twofold")
    return interpret(TOOLCHAIN, candidate, SIGNATURE, [InterpretedCall({"n": 300}, tensors)], tmp_path)


@present
def test_the_interpreter_gives_the_tensors_back(tmp_path: Path) -> None:
    found = call_it(KERNEL, tmp_path)
    assert not isinstance(found, Failed)
    assert np.array_equal(found[0][0], np.arange(300))
    assert np.array_equal(found[0][1], 2 * np.arange(300))
    assert list(tmp_path.iterdir()) == []


@present
@pytest.mark.parametrize(
    ("old", "new", "kind", "said"),
    [
        ("2 * value, mask=i < n", "2 * value", "out_of_bounds", "outside of a tensor"),
        ("2 * value", "nothing * value", "crash", "kernel.py:13: NameError"),
        ("import triton\n", "import os\n", "rejected", "'os' cannot be imported"),
    ],
)
def test_what_goes_wrong_in_it_is_named(old: str, new: str, kind: str, said: str, tmp_path: Path) -> None:
    failed = call_it(KERNEL.replace(old, new), tmp_path)
    assert isinstance(failed, Failed)
    assert failed.kind == kind
    assert said in failed.message
