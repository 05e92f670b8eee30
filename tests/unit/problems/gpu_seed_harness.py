"""Run CUDA seeds on the CPU against their references: ``python gpu_seed_harness.py DIRECTORY [NAME[=FILE]…]``.

Each seed is built by g++ with :file:`cuda_on_cpu.h` and called on every held-out workload. Prints one JSON object: name →
complaints and the largest error in units of the tolerance. A file takes the place of the problem's seed. A process of its
own, because it imports torch.
"""

import ctypes
import json
import re
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
from warploom.judge.content.layout import STORAGE
from warploom.problems.load import catalog_names, find_seed, locate
from warploom.problems.native import execute
from warploom.propose.moves.cuda.copies import HELPERS
from warploom.syntax import launch, tune
from warploom.toolchain.cuda import CUDA_TYPES, CudaToolchain
from warploom.values.candidate import Candidate
from warploom.values.launch import Launch
from warploom.values.problem import Problem, Tensor, Workload
from warploom.values.shape import extents
from warploom.values.signature import signature
from warploom.values.target import parse_target

HEADER = Path(__file__).with_name("cuda_on_cpu.h")
POISON = 0x7FC1_7FC1
MARGIN = 256


def translated(source: str, problem: Problem, start: Launch) -> str:
    """The kernel as C++ for the CPU, with a function ``run(tensors, axes, workspace, grid, block)``."""
    text = launch.remove(tune.resolve(source, {})).replace(HELPERS, "")  # the header has its own
    text = re.sub(r"^#include <.*>$", "", text, flags=re.MULTILINE)
    text = re.sub(r"extern __shared__ .*?unsigned char (\w+)\[\];", r"unsigned char* \1 = dynamic_shared;", text)
    arguments = []
    for count, argument in enumerate(signature(problem).arguments):
        if argument.role == "axis":
            arguments.append(f"axes[{count - len(problem.inputs) - len(problem.outputs)}]")
        else:
            const = "const " if argument.role == "input" else ""
            arguments.append(f"({const}{CUDA_TYPES[argument.dtype]}*)tensors[{count}]")
    arguments += ["workspace"] if start.workspace else []
    return f"""{text}
static void** tensors;
static const int64_t* axes;
static float* workspace;
static void call() {{ {problem.name}({", ".join(arguments)}); }}
extern "C" void run(void** given, const int64_t* lengths, float* room, const unsigned* grid, const unsigned* block) {{
    tensors = given;
    axes = lengths;
    workspace = room;
    launch(call, {{grid[0], grid[1], grid[2]}}, {{block[0], block[1], block[2]}});
}}
"""


def drawn(tensor: Tensor, workload: Workload, rng: np.random.Generator) -> torch.Tensor:
    """One input, as the judge draws it."""
    shape = extents(tensor.shape, workload.extents)
    stored = draw(tensor, workload.recipe, prod(shape), workload.extents, rng)
    return torch.from_numpy(stored).view(getattr(torch, tensor.dtype)).reshape(shape)


def check(problem: Problem, function: Any, start: Launch, workload: Workload, rng: np.random.Generator) -> Any:
    """What the comparison found, by the judge's own calibration; a complaint in words when a margin was written."""
    inputs = [drawn(tensor, workload, rng) for tensor in problem.inputs.values()]
    reference = problem.reference
    assert callable(reference)
    (calibrated,) = calibrate(lambda *tensors: (reference(*tensors),), inputs, problem, workload.extents, seed=1)
    (output,) = problem.outputs.values()
    count = prod(extents(output.shape, workload.extents))
    size = np.dtype(STORAGE[output.dtype]).itemsize
    whole = np.full(((count + 2 * MARGIN) * size + 3) // 4, POISON, dtype=np.uint32).view(f"u{size}")
    answer = whole[MARGIN : MARGIN + count]
    before = [x.view(torch.uint8).numpy().tobytes() if x.dim() else b"" for x in inputs]
    pointers = [*(x.data_ptr() for x in inputs), answer.ctypes.data]
    block = (*start.block, 1, 1)[:3]
    beside = np.full(2 * MARGIN + start.workspace_bytes(workload.extents), 77, dtype=np.uint8)
    beside[MARGIN:-MARGIN] = 0
    function(
        (ctypes.c_void_p * len(pointers))(*pointers),
        (ctypes.c_int64 * len(problem.axes))(*(workload.extents[axis] for axis in problem.axes)),
        ctypes.c_void_p(beside.ctypes.data + MARGIN),
        (ctypes.c_uint * 3)(*start.blocks(workload.extents)),
        (ctypes.c_uint * 3)(*block),
    )
    word = POISON & ((1 << (8 * size)) - 1)
    margins = np.concatenate([whole[:MARGIN], whole[MARGIN + count : 2 * MARGIN + count]])
    if [x.view(torch.uint8).numpy().tobytes() if x.dim() else b"" for x in inputs] != before:
        return "an input changed"
    if (beside[:MARGIN] != 77).any() or (beside[-MARGIN:] != 77).any():
        return "it wrote outside of its workspace"
    if (margins != word).any():
        return "it wrote outside of its output"
    expected = Expected(calibrated.expected, calibrated.tolerance, calibrated.otherwise)
    return compare(answer.view(STORAGE[output.dtype]), output.dtype, expected, word)


def main(directory: Path, names: list[str], seed: int = 7) -> dict[str, Any]:
    torch.set_num_threads(1)
    toolchain = CudaToolchain(parse_target("cuda").architectures)
    found: dict[str, Any] = {}
    for word in names or catalog_names("gpu"):
        name, _, file = word.partition("=")
        problem = execute(locate(name))
        source = (Path(file) if file else find_seed(name, "cuda")).read_text()
        candidate = Candidate("0" * 16, "cuda", (("kernel.cu", source),), name)
        start, _ = toolchain.launch(candidate, signature(problem))
        text, library = directory / f"{name}.cpp", directory / f"{name}.so"
        text.write_text(translated(source, problem, start))
        words = ["g++", "-O2", "-w", "-shared", "-fPIC", "-std=c++17", "-include", str(HEADER), "-o", str(library)]
        subprocess.run([*words, str(text)], check=True)
        function = ctypes.CDLL(str(library)).run
        function.restype = None
        rng = np.random.default_rng(seed)
        complaints, worst = [], 0.0
        for workload in problem.held_out:
            made = check(problem, function, start, workload, rng)
            wrong = made if isinstance(made, str) else f"{made.guard}: {made.detail}" if made.guard else ""
            worst = max(worst, 0.0 if isinstance(made, str) else made.max_rel_error)
            if wrong:
                complaints.append(f"{name} at {workload}: {wrong}")
        found[name] = {"complaints": complaints, "worst": worst}
    return found


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), sys.argv[2:])))
