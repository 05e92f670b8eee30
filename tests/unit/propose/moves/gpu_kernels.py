"""Small kernels for GPUs that offer every move a site, and runs of the CUDA ones on the CPU.

Each but one adds to what its output holds, so that work done twice shows in the result, as work left out does.
"""

from __future__ import annotations

import ctypes
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warploom.propose.moves.books import book_of
from warploom.propose.moves.cuda.copies import HELPERS
from warploom.propose.moves.protocol import Move
from warploom.propose.moves.verbatim import text_of, unit_of
from warploom.syntax import launch as launch_line
from warploom.syntax import tune
from warploom.toolchain.cuda import CUDA_TYPES, CudaToolchain
from warploom.values.candidate import Candidate, Scalar
from warploom.values.problem import Problem, Reference, Tensor, Workload
from warploom.values.signature import signature
from warploom.values.target import parse_target

Arrays = tuple[NDArray[Any], ...]
FILES = {"triton": "kernel.py", "cuda": "kernel.cu", "hip": "kernel.hip"}

PRODUCT = Problem(
    "product",
    ("rows", "cols", "depth"),
    {"a": Tensor("rows depth", "float16"), "b": Tensor("depth cols", "float16")},
    {"out": Tensor("rows cols", "float32")},
    Reference("problem.py", "product", "0"),
    [Workload(rows=64, cols=64, depth=64)],
)
TILED = replace(PRODUCT, name="tiled", reference=Reference("problem.py", "tiled", "0"))
SCALED = Problem(
    "scaled",
    ("rows", "cols"),
    {"x": Tensor("rows cols", "float32")},
    {"out": Tensor("rows cols", "float32")},
    Reference("problem.py", "scaled", "0"),
    [Workload(rows=64, cols=64)],
)

TRITON = '''"""A product."""

import triton
import triton.language as tl

# EVOLVE-BLOCK-START
TUNE(num_warps, 4, 4, 8)
LAUNCH(grid=((cols + 31) // 32, (rows + 31) // 32))

DEEP = tl.constexpr(32)


@triton.jit
def first(block):
    """Where a block begins."""
    return block * 32


@triton.jit
def product(a, b, out, rows, cols, depth):
    """A tile."""
    row = first(tl.program_id(1)) + tl.arange(0, 32)[:, None]
    col = first(tl.program_id(0)) + tl.arange(0, 32)[None, :]
    total = tl.load(out + row * cols + col, mask=(row < rows) & (col < cols), other=0.0)
    sums = tl.zeros((32, 32), dtype=tl.float32)
    for start in range(0, depth, DEEP):
        deep = start + tl.arange(0, DEEP)
        left = tl.load(a + row * depth + deep[None, :], mask=(row < rows) & (deep[None, :] < depth), other=0.0)
        right = tl.load(
            b + deep[:, None] * cols + col,
            mask=(deep[:, None] < depth) & (col < cols),
            other=0.0,
        )
        sums = tl.dot(left, right, sums)  # (a comment, with a bracket
    tl.store(out + row * cols + col, total + sums, mask=(row < rows) & (col < cols))
# EVOLVE-BLOCK-END
'''
TRITON_ROWS = '''"""Rows by their sums."""

import triton
import triton.language as tl

# EVOLVE-BLOCK-START
TUNE(BLOCK, 64, 32, 64)
LAUNCH(grid=rows)


@triton.jit
def scaled(x, out, rows, cols, BLOCK: tl.constexpr):
    begin = tl.program_id(0).to(tl.int64) * cols
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    for start in range(0, cols, BLOCK):
        col = start + tl.arange(0, BLOCK)
        total += tl.load(x + begin + col, mask=col < cols, other=0.0)
    scale = tl.sum(total, 0)
    for start in range(0, cols, BLOCK):
        col = start + tl.arange(0, BLOCK)
        inside = col < cols
        value = tl.load(x + begin + col, mask=col < cols, other=0.0)
        held = tl.load(out + begin + col, mask=inside, other=0.0)
        tl.store(out + begin + col, held + value * scale, mask=inside)
# EVOLVE-BLOCK-END
'''
CUDA = """#include <cuda_fp16.h>

// EVOLVE-BLOCK-START
TUNE(THREADS, 128, 64, 128)
LAUNCH(grid=(cols + THREADS - 1) // THREADS * rows, block=THREADS)

__device__ float times(float x, float y) {
    return x * y;
}

extern "C" __global__ void product(const __half* a, const __half* b, float* out, int64_t rows, int64_t cols,
                                   int64_t depth) {
    const int64_t across = (cols + THREADS - 1) / THREADS, row = blockIdx.x / across;
    const int64_t col = blockIdx.x % across * THREADS + threadIdx.x;
    __shared__ uint4 held;  // for (int none = 0; none < 0; ++none) is a comment
    held = make_uint4(0, 0, 0, 0);
    __syncthreads();
    if (threadIdx.x == 0 && depth % 8 == 0) held = *reinterpret_cast<const uint4*>(a + row * depth);
    __syncthreads();
    if (col >= cols) return;
    float total = 0.0f;
    for (int64_t k = 0; k < depth; ++k) {
        total += times(__half2float(a[row * depth + k]), __half2float(b[k * cols + col]));
    }
    out[row * cols + col] = out[row * cols + col] + total + 0 * held.x;
}
// EVOLVE-BLOCK-END
"""
COPIES = """        if (cols % 4 == 0 && begin + WIDE <= cols) {
            *reinterpret_cast<uint4*>(at) = *reinterpret_cast<const uint4*>(from + begin + place);
            continue;
        }
        if (cols % 4 == 0) {
            uint4 pack = make_uint4(0, 0, 0, 0);
            if (begin + place < cols) pack = *reinterpret_cast<const uint4*>(from + begin + place);
            *reinterpret_cast<uint4*>(at) = pack;
            continue;
        }
"""
CUDA_ROWS = (
    """// EVOLVE-BLOCK-START
TUNE(THREADS, 64, 32, 64)
#define WIDE 256
LAUNCH(grid=((cols + THREADS - 1) // THREADS, rows), block=THREADS)

// Some numbers of a row, zeros behind its end.
__device__ void fetch(const float* from, float* to, int64_t begin, int64_t cols) {
    for (int place = threadIdx.x * 4; place < WIDE; place += THREADS * 4) {
        float* at = to + place;
"""
    + COPIES
    + """        for (int i = 0; i < 4; ++i) at[i] = begin + place + i < cols ? from[begin + place + i] : 0.0f;
    }
}

extern "C" __global__ void __launch_bounds__(THREADS)
scaled(const float* x, float* out, int64_t rows, int64_t cols) {
    __shared__ __align__(16) float slice[WIDE];
    const int64_t col = blockIdx.x * (int64_t)THREADS + threadIdx.x;
    const float* row = x + blockIdx.y * cols;
    float total = 0.0f;
    for (int64_t begin = 0; begin < cols; begin += WIDE) {
        fetch(row, slice, begin, cols);
        __syncthreads();
#pragma unroll
        for (int i = 0; i < WIDE; ++i) total += slice[i];
        __syncthreads();
    }
    if (col >= cols) return;
    out[blockIdx.y * cols + col] = out[blockIdx.y * cols + col] + row[col] * total;
}
// EVOLVE-BLOCK-END
"""
)
CUDA_TILES = """#include <cuda_fp16.h>

// EVOLVE-BLOCK-START
TUNE(TILE, 8, 8, 16)
LAUNCH(grid=((cols + TILE - 1) // TILE, (rows + TILE - 1) // TILE), block=(TILE, TILE))

extern "C" __global__ void tiled(const __half* a, const __half* b, float* out, int64_t rows, int64_t cols,
                                 int64_t depth) {
    const int64_t r = blockIdx.y * (int64_t)TILE + threadIdx.y, c = blockIdx.x * (int64_t)TILE + threadIdx.x;
    float total[1] = {0.0f};
    for (int64_t deep = 0; deep < depth; deep += 8) {
        for (int64_t k = deep; k < deep + 8; ++k) {
            const bool here = r < rows && c < cols && k < depth;
            if (here) total[0] += __half2float(a[r * depth + k]) * __half2float(b[k * cols + c]);
        }
    }
#pragma unroll
    for (int i = 0; i < 1; ++i) {
        if (r < rows && c < cols) out[r * cols + c] = total[i];
    }
}
// EVOLVE-BLOCK-END
"""


@dataclass(frozen=True)
class Kernel:
    """A kernel and what it is to compute."""

    problem: Problem
    language: str
    source: str

    @property
    def candidate(self) -> Candidate:
        return Candidate(self.problem.hash, self.language, ((FILES[self.language], self.source),), self.problem.name)

    def moved(self, move: str, site: str = "", **parameters: Scalar) -> Kernel:
        """After one move; at its first site where none is named."""
        found = move_of(self.language, move)
        label = site or found.sites(unit_of(self.source))[0].label
        return Kernel(self.problem, self.language, text_of(found.apply(unit_of(self.source), label, parameters)))

    def labels(self, move: str) -> list[str]:
        return [site.label for site in move_of(self.language, move).sites(unit_of(self.source))]


HIP = (
    CUDA.replace("#include <cuda_fp16.h>\n", "")
    .replace("__half2float(", "float(")
    .replace("__half", "_Float16")
    .replace("uint4 held", "float held")
    .replace("make_uint4(0, 0, 0, 0)", "0.0f")
    .replace("*reinterpret_cast<const uint4*>(a + row * depth)", "a[row * depth]")
    .replace("held.x", "held")
)
HIP_TILES = (
    CUDA_TILES.replace("#include <cuda_fp16.h>\n", "").replace("__half2float(", "float(").replace("__half", "_Float16")
)
HIP_ROWS = CUDA_ROWS.replace("__align__(16) ", "").replace(COPIES, "")

KERNELS = {
    "triton": (Kernel(PRODUCT, "triton", TRITON), Kernel(SCALED, "triton", TRITON_ROWS)),
    "cuda": (Kernel(PRODUCT, "cuda", CUDA), Kernel(SCALED, "cuda", CUDA_ROWS), Kernel(TILED, "cuda", CUDA_TILES)),
    "hip": (Kernel(PRODUCT, "hip", HIP), Kernel(SCALED, "hip", HIP_ROWS), Kernel(TILED, "hip", HIP_TILES)),
}


def move_of(language: str, name: str) -> Move:
    return next(move for move in book_of(language).moves if move.name == name)


def changed(language: str, *, best: bool = False) -> list[tuple[str, Kernel]]:
    """Every move at every site of the kernels, with its best guesses and, unless these will do, the last choices."""
    found = []
    for kernel in KERNELS[language]:
        for move in book_of(language).moves:
            for site in move.sites(unit_of(kernel.source)):
                for pick in (0,) if best else (0, -1):
                    values = {name: choices[pick] for name, choices in site.choices.items()}
                    made = kernel.moved(move.name, site.label, **values)
                    found.append((f"{move.name}({site.label}) {values}", made))
    # Few blocks, where a fixed number stays, so that each takes several turns.
    few = [(name, replace(made, source=made.source.replace("grid=264", "grid=3"))) for name, made in found]
    return list({made.source: (name, made) for name, made in few}.values())


def shapes(problem: Problem) -> list[dict[str, int]]:
    if problem is not SCALED:
        return [{"rows": 37, "cols": 70, "depth": 33}, {"rows": 33, "cols": 160, "depth": 64}]
    return [{"rows": 3, "cols": 45}, {"rows": 5, "cols": 64}, {"rows": 2, "cols": 800}]


def drawn(problem: Problem, axes: Mapping[str, int]) -> tuple[Arrays, NDArray[Any]]:
    """Inputs and an output of ones, and what the output is to be: whole numbers, so that any order of sums is exact."""
    rng = np.random.default_rng(3)
    if problem is not SCALED:
        rows, cols, depth = axes["rows"], axes["cols"], axes["depth"]
        a, b = (rng.integers(-2, 3, size).astype(np.float16) for size in ((rows, depth), (depth, cols)))
        added = 1 if problem is PRODUCT else 0
        return (a, b, np.ones((rows, cols), np.float32)), added + a.astype(np.float32) @ b.astype(np.float32)
    x = rng.integers(-2, 3, (axes["rows"], axes["cols"])).astype(np.float32)
    return (x, np.ones_like(x)), 1 + x * x.sum(1, keepdims=True)


def run_cuda(kernels: Sequence[Kernel], folder: Path) -> list[Callable[..., None]]:
    """One library for all of them → functions that run a kernel on tensors, flat and changed in place, and axes."""
    toolchain = CudaToolchain(parse_target("cuda").architectures)
    header = Path(__file__).parents[2] / "problems" / "cuda_on_cpu.h"
    parts = []
    starts = [toolchain.launch(kernel.candidate, signature(kernel.problem))[0] for kernel in kernels]
    for number, (kernel, start) in enumerate(zip(kernels, starts, strict=True)):
        text = launch_line.remove(tune.resolve(kernel.source, {})).replace(HELPERS, "")
        text = re.sub(r'^#include <.*>$|extern "C"', "", text, flags=re.MULTILINE)
        words = []
        for place, one in enumerate(signature(kernel.problem).tensors):
            words.append(f"({CUDA_TYPES[one.dtype]}*)tensors[{place}]")
        words += [f"axes[{place}]" for place, _ in enumerate(kernel.problem.axes)]
        words += ["workspace"] if start.workspace else []
        call = f"static void call() {{ {kernel.problem.name}({', '.join(words)}); }}"
        parts.append(f"""namespace v{number} {{
static void** tensors;
static const int64_t* axes;
static float* workspace;
{text}
{call}
}}
extern "C" void run_{number}(void** given, const int64_t* lengths, float* room, const unsigned* grid,
                            const unsigned* block) {{
    v{number}::workspace = room;
    v{number}::tensors = given;
    v{number}::axes = lengths;
    launch(v{number}::call, {{grid[0], grid[1], grid[2]}}, {{block[0], block[1], block[2]}});
}}""")
    (folder / "all.cpp").write_text("\n".join(parts))
    words = ["g++", "-O0", "-w", "-shared", "-fPIC", "-std=c++17", "-include", str(header)]
    subprocess.run([*words, "-o", str(folder / "all.so"), str(folder / "all.cpp")], check=True)
    library = ctypes.CDLL(str(folder / "all.so"))

    def caller(number: int, kernel: Kernel) -> Callable[..., None]:
        function = library[f"run_{number}"]
        function.restype = None
        launch = starts[number]

        def call(tensors: Arrays, axes: Mapping[str, int]) -> None:
            room = np.zeros(launch.workspace_bytes(axes) + 4, np.uint8)
            room[-4:] = 77
            function(
                (ctypes.c_void_p * len(tensors))(*(tensor.ctypes.data for tensor in tensors)),
                (ctypes.c_int64 * len(axes))(*(axes[name] for name in kernel.problem.axes)),
                ctypes.c_void_p(room.ctypes.data),
                (ctypes.c_uint * 3)(*launch.blocks(axes)),
                (ctypes.c_uint * 3)(*(*launch.block, 1, 1)[:3]),
            )
            assert (room[-4:] == 77).all(), "it wrote behind its workspace"

        return call

    return [caller(number, kernel) for number, kernel in enumerate(kernels)]
