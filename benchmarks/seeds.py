"""For how many problems of other people's suites ``warploom seed`` writes a right kernel, and what the others lack.

    python benchmarks/seeds.py --root CHECKOUT_OF_KERNELBENCH [--levels 1 2] [--problems 1/23,2/61-100]
    python benchmarks/seeds.py --gpumode CHECKOUT [--tasks amd/moe]

Each problem is studied, traced and lowered as ``warploom`` does it, in a process of its own (forked, so that PyTorch is
loaded once). The kernel is built with the judge's flags and called once at every workload, held-out ones first, on
inputs as the judge draws them; every element is compared with the float64 oracle within the judge's calibrated
tolerance, and the words beyond the outputs' ends with what stood there. That is the judge's verification without its
sandbox and its second run. Writes ``benchmarks/results/seeds.json``; what it holds of other problems stays. The
checkouts are not part of this project.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import checkouts
from benchmarks.importers import drawn

from warploom.errors import ProblemError
from warploom.judge.comparison.compare import Expected, compare
from warploom.judge.comparison.tolerance import calibrate
from warploom.judge.content.layout import STORAGE
from warploom.problems.importers import study
from warploom.problems.importers.address import Address
from warploom.problems.importers.bring import FORMATS
from warploom.problems.importers.words import plain
from warploom.problems.lowering.lower import written
from warploom.problems.lowering.trace import traces
from warploom.problems.native import execute
from warploom.toolchain.cpp import DEFAULT_FLAGS
from warploom.values.problem import ITEM_BYTES, Problem, Workload
from warploom.values.shape import extents
from warploom.values.signature import signature

RESULTS = Path(__file__).parent / "results" / "seeds.json"
DEADLINE_S = 420
GUARD_BYTES = 4096


def problem_text(address: Address) -> str:
    """The problem file that an address becomes."""
    found = FORMATS[address.format](address)
    files = tuple((Path(path).name, text) for path, text in found.program.files)
    program = replace(found.program, files=files)
    return study.study(study.Request(program, plain(found.name), found.title, address.scale, str(address.place)))


def seed_one(address: Address, keep: Path | None) -> dict[str, Any]:
    """Study a program, lower it, build the kernel and compare."""
    torch.set_num_threads(1)
    step, source = "import", ""
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "problem.py")
            path.write_text(problem_text(address))
            problem = execute(path)
            step = "lower"
            source = written(problem, traces(problem))
            if keep is not None:
                (keep / f"{problem.name}.cpp").write_text(source)
            step = "build"
            kernel = built(problem, source, Path(folder))
            step = "compare"
            worst = 0.0
            for workload in (*problem.held_out, *problem.workloads):
                worst = max(worst, compared(problem, kernel, workload))
        return {"right": True, "worst_share_of_tolerance": round(worst, 4), "lines": source.count("\n")}
    except ProblemError as error:
        return {"right": False, "step": step, "why": str(error).replace(str(address.root), "…")}
    except Exception as error:  # noqa: BLE001 - foreign code: its failure is the result
        return {"right": False, "step": step, "why": f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"}


def built(problem: Problem, source: str, folder: Path) -> Callable[..., None]:
    """The kernel as a function."""
    (folder / "kernel.cpp").write_text(source)
    library = folder / "kernel.so"
    command = ["g++", *DEFAULT_FLAGS, "-w", "-shared", "-o", str(library), str(folder / "kernel.cpp"), "-lm"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr)
        raise ProblemError(f"the kernel does not build: {said}")
    function = getattr(ctypes.CDLL(str(library)), signature(problem).entry_point)
    function.restype = None
    return lambda *arguments: function(*arguments)


def compared(problem: Problem, kernel: Callable[..., None], workload: Workload) -> float:
    """The largest error of one call, as a share of the tolerance.

    Raises:
        ProblemError: the call was wrong.
    """
    axes = workload.extents
    tensors = drawn(problem, workload, np.random.default_rng(secrets.randbits(63)))
    reference = problem.reference
    assert callable(reference)

    def call(*inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        result = reference(*inputs)
        return tuple(result) if isinstance(result, tuple | list) else (result,)

    with torch.no_grad():
        expected = calibrate(call, tensors, problem, axes, secrets.randbits(32))
    outputs = []
    for tensor in problem.outputs.values():
        count = prod(extents(tensor.shape, axes)) * ITEM_BYTES[tensor.dtype]
        outputs.append(np.full(count + GUARD_BYTES, 0xA5, dtype=np.uint8))
    before = [bytes(one.view(torch.uint8).numpy().tobytes()) if one.dim() else None for one in tensors]
    pointers = [ctypes.c_void_p(one.data_ptr()) for one in tensors]
    pointers += [ctypes.c_void_p(one.ctypes.data) for one in outputs]
    kernel(*pointers, *(ctypes.c_int64(axes[axis]) for axis in problem.axes))
    after = [bytes(one.view(torch.uint8).numpy().tobytes()) if one.dim() else None for one in tensors]
    if before != after:
        raise ProblemError(f"at {workload}: an input changed")
    worst = 0.0
    for output, wanted, (name, tensor) in zip(outputs, expected, problem.outputs.items(), strict=True):
        if (output[-GUARD_BYTES:] != 0xA5).any():
            raise ProblemError(f"at {workload}: written beyond {name}")
        found = output[:-GUARD_BYTES].view(STORAGE[tensor.dtype])
        answer = compare(found, tensor.dtype, Expected(wanted.expected, wanted.tolerance, wanted.otherwise), -1)
        if answer.guard:
            raise ProblemError(f"at {workload}: {name}: {answer.guard}: {answer.detail}")
        worst = max(worst, answer.max_rel_error)
    return worst


def summary(found: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """Problems and right seeds of every suite."""
    suites: dict[str, dict[str, int]] = {}
    for name, one in found.items():
        suite = suites.setdefault(checkouts.suite_of(name), {"problems": 0, "right": 0})
        suite["problems"] += 1
        suite["right"] += int(one.get("right", False))
    return suites


def in_words(one: Mapping[str, Any]) -> str:
    """What was found of a problem, in words."""
    return str(one.get("why") or f"right, {one['worst_share_of_tolerance']:.2f} of the tolerance")


def main() -> int:
    """Lower everything, print a line each, write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    checkouts.add_options(parser, RESULTS)
    parser.add_argument("--keep", type=Path, default=None, help="a directory for the kernels")
    options = parser.parse_args()
    written_out = checkouts.go_through(
        options, lambda address: seed_one(address, options.keep), summary, in_words, DEADLINE_S
    )
    print(json.dumps(written_out["suites"]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
