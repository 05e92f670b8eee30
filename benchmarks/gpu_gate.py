"""Whether every GPU seed of the catalog builds for every target, and what can be read off its code; no GPU is needed.

    python benchmarks/gpu_gate.py                            # all seeds, all targets
    python benchmarks/gpu_gate.py --names softmax_bf16 spmv --languages triton

Each seed is built with the defaults of its TUNE lines, for one architecture at a time, so that none hides another.
Writes ``benchmarks/results/gpu_gate.json`` and prints the portability table: registers of a thread, spilled bytes,
shared memory of a block, occupancy in percent; or why there is no code. Languages whose compiler is absent are left
out, by name. Then a kernel with one wrong line is built in every language that is here: how long it takes until the
compiler's message with that line is there, the quickest of three.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from warploom.errors import ToolchainError
from warploom.problems.load import SEEDS, cache_directory, catalog_names, find_seed, load_catalog
from warploom.toolchain.find import GPU_TOOLCHAINS, JUDGED, find_toolchain
from warploom.values.architecture import find_architecture
from warploom.values.candidate import Candidate
from warploom.values.language import SUFFIXES
from warploom.values.outcome import Build
from warploom.values.problem import Problem
from warploom.values.signature import Argument, Signature, signature

RESULTS = Path(__file__).parent / "results" / "gpu_gate.json"
TARGETS: dict[str, tuple[str, ...]] = {
    "triton": ("sm_80", "sm_90a", "sm_100", "gfx942", "gfx950"),
    "cuda": ("sm_80", "sm_90a", "sm_100"),
}
FACTS = (
    "registers",
    "spill_bytes",
    "shared_bytes",
    "threads",
    "occupancy_percent",
    "instructions",
    "matrix_instructions",
    "async_copies",
    "wide_accesses",
)

_C = """LAUNCH(grid=(n + 255) // 256, block=256)
{0} {{
    {1};
    if (i < n) out[i] = nothing * x[i];
}}
"""
_GLOBAL = 'extern "C" __global__ void scale(const float* x, float* out, int64_t n)'
_PLACE = "int64_t i = blockIdx.x * 256 + threadIdx.x"
BROKEN: dict[str, str] = {
    "cpp": """#include <cstdint>
extern "C" void scale(const float* x, float* out, int64_t n) {
    for (int64_t i = 0; i < n; ++i)
        out[i] = nothing * x[i];
}
""",
    "opencl": _C.format(
        "__kernel void scale(__global const float* x, __global float* out, long n)", "long i = get_global_id(0)"
    ),
    "cuda": _C.format(_GLOBAL, _PLACE),
    "hip": _C.format(_GLOBAL, _PLACE),
    "triton": """import triton
import triton.language as tl
TUNE(BLOCK, 1024)
LAUNCH(grid=(n + BLOCK - 1) // BLOCK)


@triton.jit
def scale(x, out, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(out + i, nothing * tl.load(x + i, mask=i < n), mask=i < n)
""",
}
"""Language → a kernel that names what there is not."""
TIMES = 3


def message(language: str) -> dict[str, Any]:
    """What its compiler says of a wrong line, and in how many seconds; ``absent`` where there is none."""
    text = BROKEN[language]
    right = text[: text.index("nothing")].count("\n") + 1
    arguments = (("x", "float32", "input"), ("out", "float32", "output"), ("n", "int64", "axis"))
    shape = Signature("scale", tuple(Argument(*words) for words in arguments))
    candidate = Candidate("0" * 16, language, ((f"kernel{SUFFIXES[language]}", text),), "scale")
    toolchain = find_toolchain(language)
    try:
        toolchain.version()
    except ToolchainError as error:
        return {"absent": str(error)}
    seconds = []
    said = ""
    for _ in range(TIMES):
        with tempfile.TemporaryDirectory() as folder:
            begin = time.perf_counter()
            made = toolchain.build(candidate, shape, Path(folder))
            seconds.append(time.perf_counter() - begin)
            said = "it builds" if isinstance(made, Build) else made.message
    line = said.startswith(f"kernel{SUFFIXES[language]}:{right}:")
    return {"seconds": round(min(seconds), 3), "line": line, "message": said}


def seed(problem: Problem, language: str) -> Candidate:
    """The seed as a candidate, with its defaults."""
    text = find_seed(problem.name, language).read_text()
    return Candidate(problem.hash, language, ((f"kernel{SUFFIXES[language]}", text),), problem.name)


def gate(problem: Problem, language: str, targets: Sequence[str], cache: Path) -> dict[str, dict[str, Any]]:
    """Target → what was read off the code, or ``failed``: kind and message.

    Args:
        problem: whose seed.
        language: of the seed.
        targets: names of architectures.
        cache: of builds.
    """
    found: dict[str, dict[str, Any]] = {}
    for target in targets:
        toolchain = GPU_TOOLCHAINS[language]([find_architecture(target)])
        made = toolchain.build(seed(problem, language), signature(problem), cache)
        if isinstance(made, Build):
            found[target] = {name: made.facts[name] for name in FACTS if name in made.facts}
        else:
            found[target] = {"failed": f"{made.kind}: {made.message}"}
    return found


def run(names: Sequence[str], languages: Sequence[str], cache: Path) -> dict[str, Any]:
    """All seeds of these problems in these languages.

    Args:
        names: of the GPU room.
        languages: keys of :data:`TARGETS`; those whose compiler is absent are left out.
        cache: of builds.
    """
    versions, absent = {}, {}
    for language in languages:
        try:
            versions[language] = GPU_TOOLCHAINS[language]([find_architecture(TARGETS[language][0])]).version()
        except ToolchainError as error:
            absent[language] = str(error)
    problems = load_catalog(room="gpu")
    kernels = [
        {
            "problem": name,
            "language": language,
            "seed": SEEDS[language],
            "targets": gate(problems[name], language, TARGETS[language], cache),
        }
        for name in names
        for language in versions
    ]
    said = {language: message(language) for language in (*JUDGED, *GPU_TOOLCHAINS)}
    return {"versions": versions, "absent": absent, "kernels": kernels, "summary": summary(kernels), "messages": said}


def summary(kernels: Sequence[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """Of "triton:sm_90a" and its like: how many seeds there are, build and spill, and the lowest occupancy."""
    found: dict[str, dict[str, int]] = {}
    for kernel in kernels:
        for target, facts in kernel["targets"].items():
            own = found.setdefault(
                f"{kernel['language']}:{target}",
                {"seeds": 0, "built": 0, "spilling": 0, "least_occupancy_percent": 100},
            )
            own["seeds"] += 1
            if "failed" not in facts:
                own["built"] += 1
                own["spilling"] += facts["spill_bytes"] > 0
                own["least_occupancy_percent"] = min(own["least_occupancy_percent"], facts["occupancy_percent"])
    return found


def table(result: dict[str, Any]) -> str:
    """What is printed: a line a seed, a column a target: registers, spilled bytes, shared KiB, occupancy."""
    targets = list(dict.fromkeys(target for kernel in result["kernels"] for target in kernel["targets"]))
    lines = [f"{'seed':27}" + "".join(f"{target:>22}" for target in targets)]
    notes = []
    for kernel in result["kernels"]:
        cells = [_cell(kernel["targets"].get(target)) for target in targets]
        lines.append(f"{kernel['problem'] + ' ' + kernel['language']:27}" + "".join(f"{cell:>22}" for cell in cells))
        notes += [
            f"{kernel['problem']} {kernel['language']} {target}: {facts['failed']}"
            for target, facts in kernel["targets"].items()
            if "failed" in facts
        ]
    lines += ["", "registers, spilled bytes, shared memory, occupancy", *notes]
    lines += [
        f"{name}: {own['built']} of {own['seeds']} build, {own['spilling']} spill"
        for name, own in result["summary"].items()
    ]
    lines += [f"{language} left out: {why}" for language, why in result["absent"].items()]
    for language, said in result["messages"].items():
        line = "the right line" if said.get("line") else "not the line"
        told = f"{said['seconds']:.2f} s to {line}: {said['message']}" if "seconds" in said else said["absent"]
        lines.append(f"a wrong line of {language}: {told}")
    return "\n".join(lines)


def _cell(facts: dict[str, Any] | None) -> str:
    if facts is None:
        return "-"
    if "failed" in facts:
        return str(facts["failed"]).partition(":")[0]
    shared = f"{facts['shared_bytes'] / 1024:.0f}K"
    return f"{facts['registers']} {facts['spill_bytes']} {shared:>4} {facts['occupancy_percent']:>3}%"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--names", nargs="+", default=catalog_names("gpu"), help="problems of the GPU room (all)")
    parser.add_argument("--languages", nargs="+", default=list(TARGETS), choices=list(TARGETS), help="languages (all)")
    parser.add_argument("--cache", type=Path, help="cache of builds")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the JSON goes")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.names) - set(catalog_names("gpu")))
    if unknown:
        parser.error(f"{unknown[0]} is no problem of the GPU room; there is: {', '.join(catalog_names('gpu'))}")
    result = run(options.names, options.languages, options.cache or cache_directory() / "builds")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    print(table(result))
    failed = any("failed" in facts for kernel in result["kernels"] for facts in kernel["targets"].values())
    unclear = any("seconds" in said and not said["line"] for said in result["messages"].values())
    return 1 if failed or unclear or result["absent"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
