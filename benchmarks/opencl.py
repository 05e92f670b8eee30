"""OpenCL on PoCL: what the search makes of the plain seeds, judged, and timed once more through PoCL's own runtime.

    python benchmarks/opencl.py                                     # every problem with a seed.cl, 60 evaluations each
    python benchmarks/opencl.py --problems softmax --evaluations 20

For each problem: evolve (a run that is there already is resumed or read), then judge the best kernel side by side with
its seed and with PyTorch. The judge runs work-groups itself (see docs/gpu.md); the last columns are seed and best as a
program sees them that asks OpenCL for them, ``clEnqueueNDRangeKernel`` and ``clFinish``, in alternation. Prints a table
and writes JSON with hardware, versions and the command.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from statistics import geometric_mean, median
from typing import Any

import numpy as np

from warploom.judge.evaluate import LocalJudge
from warploom.judge.promotion import INCUMBENT
from warploom.problems.load import CATALOG, cache_directory, catalog_names, find_seed, load_problem
from warploom.search.best.evidence import read_evidence
from warploom.syntax import launch, tune
from warploom.toolchain.opencl import LAUNCH_KEYS, OpenClToolchain
from warploom.values.candidate import Candidate
from warploom.values.job import Job
from warploom.values.outcome import Passed
from warploom.values.problem import Problem, Workload
from warploom.values.shape import extents
from warploom.values.signature import signature
from warploom.values.speedup import speedup

ROOT = Path(__file__).resolve().parent
WANTED = 2.0
"""What the best is to reach over its seed, on three problems at least."""

ROUNDS = 15
"""Calls of each kernel through PoCL's runtime, in alternation."""

Row = dict[str, Any]


def evolve(name: str, folder: Path, options: Sequence[str]) -> str:
    """Evolve, resume or read the run of one problem; what went wrong, "" when nothing did."""
    words = ["show", str(folder)]
    if not (folder / "journal.db").exists():
        words = ["evolve", name, "--target", "opencl", "--run", str(folder), "--quiet", *options]
    elif not _said(words).get("finished"):
        words = ["resume", str(folder)]
    return str(_said(words).get("error", ""))


def _said(words: Sequence[str]) -> Mapping[str, Any]:
    command = [sys.executable, "-m", "warploom", *words, "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, check=False)
    try:
        found: Mapping[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError):
        return {"error": f"exit code {done.returncode} without an answer"}
    return found


def seed_of(problem: Problem) -> Candidate:
    """The shipped seed with its defaults."""
    return Candidate(
        problem.hash, "opencl", (("kernel.cl", find_seed(problem.name, "opencl").read_text()),), problem.name
    )


def judged(problem: Problem, best: Candidate, seed: Candidate) -> Row:
    """The best against PyTorch and, side by side, against the seed."""
    with LocalJudge(problem, cache=cache_directory(), language="opencl") as judge:
        found = judge.evaluate(Job(best, problem.hash, effort="promote", rival=seed))
    if not isinstance(found, Passed):
        return {"reason": f"{found.stage}: {found.message}"}
    names = {"over_seed": INCUMBENT, "over_eager": "eager", "over_compile": "compile"}
    row: Row = {"toolchain": found.build.toolchain}
    for key, baseline in names.items():
        value = speedup(found.timings, baseline)
        row[key] = None if value is None else {"median": value.median, "low": value.low, "high": value.high}
    return row


def through_pocl(problem: Problem, best: Candidate, seed: Candidate) -> Row:
    """Median milliseconds of seed and best on each timed workload, through PyOpenCL."""
    pyopencl = import_module("pyopencl")  # the extra; nothing else here needs it
    context = pyopencl.Context([pyopencl.get_platforms()[0].get_devices()[0]])
    queue = pyopencl.CommandQueue(context)
    rng = np.random.default_rng(0)
    times: list[Row] = []
    for workload in problem.workloads:
        tensors = [_tensor(rng, problem, name, workload) for name in (*problem.inputs, *problem.outputs)]
        flags = pyopencl.mem_flags
        buffers = [pyopencl.Buffer(context, flags.READ_WRITE | flags.USE_HOST_PTR, hostbuf=one) for one in tensors]
        calls = [_call(pyopencl, context, queue, problem, one, workload, buffers) for one in (seed, best)]
        taken: list[list[float]] = [[], []]
        for _ in range(ROUNDS):
            for call, into in zip(calls, taken, strict=True):
                begin = time.perf_counter()
                call()
                into.append((time.perf_counter() - begin) * 1e3)
        times.append({"workload": str(workload), "seed_ms": median(taken[0]), "best_ms": median(taken[1])})
    return {"workloads": times, "over_seed": geometric_mean([one["seed_ms"] / one["best_ms"] for one in times])}


def _tensor(rng: np.random.Generator, problem: Problem, name: str, workload: Workload) -> Any:
    tensor = {**problem.inputs, **problem.outputs}[name]
    shape = extents(tensor.shape, workload.extents)
    return np.ascontiguousarray(rng.standard_normal(shape), dtype=np.dtype(tensor.dtype))


def _call(
    pyopencl: Any, context: Any, queue: Any, problem: Problem, one: Candidate, workload: Workload, buffers: list[Any]
) -> Any:
    """A call of one kernel through the runtime, its program built and its first launch made."""
    how, _ = launch.of(one, signature(problem), LAUNCH_KEYS)
    text = launch.remove(tune.resolve(one.source, dict(one.parameters)))
    program = pyopencl.Program(context, text).build(options=["-cl-std=CL3.0", *one.build_flags])
    kernel = pyopencl.Kernel(program, problem.name)
    axes = [np.int64(workload.extents[axis]) for axis in problem.axes]
    block = (*how.block, 1, 1, 1)[:3]
    whole = tuple(blocks * threads for blocks, threads in zip(how.blocks(workload.extents), block, strict=True))
    kernel.set_args(*buffers, *axes)

    def call() -> None:
        pyopencl.enqueue_nd_range_kernel(queue, kernel, whole, block)
        queue.finish()

    call()
    return call


def run(name: str, folder: Path, options: Sequence[str]) -> Row:
    """One problem's row."""
    began = time.monotonic()
    wrong = evolve(name, folder, options)
    if wrong:
        return {"problem": name, "reason": wrong}
    problem = load_problem(name)
    best, seed = read_evidence(folder / "best").candidate, seed_of(problem)
    row = {"problem": name, **judged(problem, best, seed)}
    if "reason" not in row:
        row["pocl"] = through_pocl(problem, best, seed)
    return {**row, "seconds": round(time.monotonic() - began, 1)}


def table(rows: Sequence[Row]) -> str:
    """The rows as text."""
    head = f"{'problem':<14}{'over its seed':<24}{'over eager':<24}{'over compile':<24}{'by PoCL, over its seed'}"
    lines = [head, "-" * len(head)]
    for row in rows:
        if "reason" in row:
            lines.append(f"{row['problem']:<14}FAILED: {row['reason']}")
            continue
        cells = "".join(f"{_interval(row[key]):<24}" for key in ("over_seed", "over_eager", "over_compile"))
        lines.append(f"{row['problem']:<14}{cells}{row['pocl']['over_seed']:.2f}")
    won = [row["problem"] for row in rows if "reason" not in row and row["over_seed"]["low"] >= WANTED]
    return "\n".join([*lines, "", f"{WANTED:g} times its seed for sure: {len(won)} of {len(rows)} ({', '.join(won)})"])


def _interval(value: Mapping[str, float] | None) -> str:
    return f"{value['median']:.2f} [{value['low']:.2f}, {value['high']:.2f}]" if value else "–"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is wanted, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", default="", help="names, separated by commas; all with an OpenCL seed by default")
    parser.add_argument("--evaluations", type=int, default=60, help="judged candidates a problem (60)")
    parser.add_argument("--seed", type=int, default=0, help="seed of every search (0)")
    parser.add_argument("--runs", type=Path, default=Path("runs/opencl"), help="directory of the runs")
    parser.add_argument("--output", type=Path, default=ROOT / "results" / "opencl.json", help="where the JSON goes")
    chosen = parser.parse_args(arguments)
    known = [name for name in catalog_names() if (CATALOG / name / "seed.cl").is_file()]
    names = [name.strip() for name in chosen.problems.split(",") if name.strip()] or known
    if unknown := [name for name in names if name not in known]:
        parser.error(f"no OpenCL seed for: {', '.join(unknown)}; there is one for: {', '.join(known)}")
    options = ["--evaluations", str(chosen.evaluations), "--seed", str(chosen.seed)]
    rows: list[Row] = []
    for name in names:
        rows.append(run(name, chosen.runs / name, options))
        print(f"{name}: {rows[-1].get('reason') or rows[-1]['over_seed']}", file=sys.stderr, flush=True)
        words = sys.argv[1:] if arguments is None else list(arguments)
        result = {
            "command": shlex.join(["python", "benchmarks/opencl.py", *words]),
            "machine": {"system": platform.platform(), "cores": len(os.sched_getaffinity(0))},
            "toolchain": OpenClToolchain().version(),
            "rows": rows,
        }
        chosen.output.parent.mkdir(parents=True, exist_ok=True)
        chosen.output.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(table(rows))
    return 0 if all("reason" not in row for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
