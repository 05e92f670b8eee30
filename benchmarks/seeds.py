"""For how many problems of other people's suites ``warploom seed`` writes a right kernel, and what the others lack.

    python benchmarks/seeds.py --root CHECKOUT_OF_KERNELBENCH [--levels 1 2] [--problems 1/23,2/7] [--gpumode CHECKOUT]

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
import os
import secrets
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch

from warploom.errors import ProblemError
from warploom.judge import own_draws
from warploom.judge.compare import Expected, compare
from warploom.judge.inputs import draw
from warploom.judge.layout import STORAGE
from warploom.judge.tolerance import calibrate
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


def addresses(arguments: argparse.Namespace) -> Iterator[Address]:
    """Every problem of the suites, or those that are named."""
    named = [tuple(map(int, one.split("/"))) for one in arguments.problems.split(",") if one]
    for level in arguments.levels if arguments.root else ():
        folders = [Path(arguments.root, *way) / f"level{level}" for way in ((), ("KernelBench",))]
        files = [path for folder in folders for path in folder.glob("*_*.py")]
        for number in sorted(int(path.name.split("_")[0]) for path in files):
            if not named or (level, number) in named:
                yield Address("kernelbench", f"{level}/{number}", root=arguments.root)
    for path in sorted(Path(arguments.gpumode).rglob("task.yml")) if arguments.gpumode else ():
        yield Address("gpumode", str(path.parent))


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
    rng = np.random.default_rng(secrets.randbits(63))
    tensors = []
    if workload.recipe == "own":
        tensors = own_draws.draw(problem, axes, secrets.randbits(31))
    else:
        for tensor in problem.inputs.values():
            shape = extents(tensor.shape, axes)
            values = draw(tensor, workload.recipe, prod(shape), axes, rng)
            tensors.append(torch.from_numpy(values).view(getattr(torch, tensor.dtype)).reshape(shape))
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


def apart(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The answer of a forked process; what it said when it died or took too long."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        signal.alarm(DEADLINE_S)
        with os.fdopen(writer, "w") as stream:
            json.dump(work(), stream)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as stream:
        said = stream.read()
    _, status = os.waitpid(child, 0)
    return dict(json.loads(said)) if said else {"right": False, "why": f"its process ended with status {status}"}


def summary(found: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """Problems and right seeds of every suite."""
    suites: dict[str, dict[str, int]] = {}
    for name, one in found.items():
        suite = suites.setdefault(name.rpartition("/")[0] if name.startswith("kernelbench") else "gpumode", {})
        suite["problems"] = suite.get("problems", 0) + 1
        suite["right"] = suite.get("right", 0) + int(one["right"])
    return suites


def main() -> int:
    """Lower everything, print a line each, write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", default="")
    parser.add_argument("--levels", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--problems", default="", help="these alone, as 1/23,2/7")
    parser.add_argument("--gpumode", default="")
    parser.add_argument("--keep", type=Path, default=None, help="a directory for the kernels")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    found: dict[str, dict[str, Any]] = {}
    if arguments.out.is_file():  # problems that are not run now keep what was found before
        found = json.loads(arguments.out.read_text())["problems"]
    for address in addresses(arguments):
        begin = time.monotonic()
        one = apart(lambda address=address: seed_one(address, arguments.keep))  # type: ignore[misc]
        name = address.place if address.format == "kernelbench" else "/".join(Path(address.place).parts[-2:])
        found[f"{address.format}:{name}"] = one
        said = one.get("why") or f"right, {one['worst_share_of_tolerance']:.2f} of the tolerance"
        print(f"{address.format}:{name}", f"{time.monotonic() - begin:.1f} s", said, flush=True)
        written_out = {"suites": summary(found), "problems": found}
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(written_out, indent=1, ensure_ascii=False) + "\n")
    print(json.dumps(summary(found)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
