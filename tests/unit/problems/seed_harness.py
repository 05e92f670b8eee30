"""Run every seed of the catalog against its reference: ``python seed_harness.py DIRECTORY [NAME…]``.

Each seed is built plainly into DIRECTORY and called on every held-out workload and on the timed ones scaled down.
Prints one JSON list of complaints. A process of its own, because it imports torch.
"""

import ctypes
import json
import subprocess
import sys
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch

from warploom.judge.comparison.compare import Expected, compare
from warploom.judge.comparison.tolerance import calibrate
from warploom.judge.content.inputs import draw
from warploom.problems.load import catalog_names, find_seed, locate
from warploom.problems.native import execute
from warploom.values.problem import Problem, Tensor, Workload
from warploom.values.shape import extents
from warploom.values.signature import signature

POISON = 0x7FC1_2345
WORST: dict[str, float] = {}
"""Largest error seen, in units of the tolerance, by problem."""


def drawn(tensor: Tensor, workload: Workload, rng: np.random.Generator) -> torch.Tensor:
    """One input, as the judge draws it."""
    shape = extents(tensor.shape, workload.extents)
    return torch.from_numpy(draw(tensor, workload.recipe, prod(shape), workload.extents, rng)).reshape(shape)


def smaller(problem: Problem, workload: Workload) -> Workload:
    """About an eighth of every axis, but no less than the smallest held-out length of it."""
    least = {axis: min(held.extents[axis] for held in problem.held_out) for axis in problem.axes}
    return Workload("normal", **{axis: max(least[axis], length // 8) for axis, length in workload.axes})


def complaint(problem: Problem, function: Any, workload: Workload, rng: np.random.Generator) -> str:
    """What is wrong with the seed's answer, by the judge's own calibration; "" when nothing is."""
    inputs = [drawn(tensor, workload, rng) for tensor in problem.inputs.values()]
    reference = problem.reference
    assert callable(reference)
    (calibrated,) = calibrate(lambda *tensors: (reference(*tensors),), inputs, problem, workload.extents, seed=1)
    (output,) = problem.outputs.values()
    answer = np.full(extents(output.shape, workload.extents), POISON, dtype=np.uint32).reshape(-1)
    pointers = [ctypes.c_void_p(x.data_ptr()) for x in inputs] + [ctypes.c_void_p(answer.ctypes.data)]
    before = [x.numpy().tobytes() for x in inputs]
    function(*pointers, *(ctypes.c_int64(workload.extents[axis]) for axis in problem.axes))
    if [x.numpy().tobytes() for x in inputs] != before:
        return "an input changed"
    expected = Expected(calibrated.expected, calibrated.tolerance, calibrated.otherwise)
    found = compare(answer.view(np.float32), output.dtype, expected, POISON)
    WORST[problem.name] = max(WORST.get(problem.name, 0.0), found.max_rel_error)
    return f"{found.guard}: {found.detail}" if found.guard else ""


def main(directory: Path, names: list[str], seed: int = 7) -> list[str]:
    torch.set_num_threads(1)
    complaints = []
    for name in names or catalog_names():
        problem = execute(locate(name))
        library = directory / f"{problem.name}.so"
        subprocess.run(["g++", "-O2", "-shared", "-fPIC", "-o", str(library), str(find_seed(name))], check=True)
        function = getattr(ctypes.CDLL(str(library)), signature(problem).entry_point)
        function.restype = None
        rng = np.random.default_rng(seed)
        for workload in (*problem.held_out, *(smaller(problem, timed) for timed in problem.workloads)):
            wrong = complaint(problem, function, workload, rng)
            if wrong:
                complaints.append(f"{name} at {workload}: {wrong}")
    return complaints


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), sys.argv[2:])))
