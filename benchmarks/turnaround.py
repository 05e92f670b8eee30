"""How long one judged candidate takes, stage by stage.

    python benchmarks/turnaround.py                                   # 60 candidates of rms_norm
    python benchmarks/turnaround.py --candidates 10 --problem softmax --kernel kernel.cpp

Every candidate differs from the others in a comment, so that none is built from the cache. Without ``--kernel`` two
kernels of rms_norm take turns: the problem's plain seed and one with the usual moves made, as a search would meet them.
The time is that of ``evaluate`` as its caller sees it; what no stage accounts for is waiting for the device. Writes
``benchmarks/results/turnaround.json`` and prints a table.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from warploom.judge.evaluate import LocalJudge
from warploom.problems.cache import cache_directory
from warploom.problems.load import find_seed, load_problem
from warploom.values.candidate import Candidate
from warploom.values.job import Job
from warploom.values.outcome import Passed
from warploom.values.problem import Problem

RESULTS = Path(__file__).parent / "results" / "turnaround.json"
STAGES = ("build", "load", "verify", "time")

MOVED = """#include <cmath>
#include <cstdint>

__attribute__((noinline)) static void block(const float* __restrict x, float* __restrict out, int64_t channels,
                                            int64_t pixels, int64_t n) {
    float sum[256];
    for (int64_t p = 0; p < n; ++p) sum[p] = 0.0f;
    for (int64_t c = 0; c < channels; ++c)
        for (int64_t p = 0; p < n; ++p) sum[p] += x[c * pixels + p] * x[c * pixels + p];
    for (int64_t p = 0; p < n; ++p) sum[p] = 1.0f / std::sqrt(sum[p] / channels + 1e-5f);
    for (int64_t c = 0; c < channels; ++c)
        for (int64_t p = 0; p < n; ++p) out[c * pixels + p] = x[c * pixels + p] * sum[p];
}

extern "C" void rms_norm(const float* x, float* out, int64_t batch, int64_t channels, int64_t height, int64_t width) {
    const int64_t pixels = height * width, blocks = (pixels + 255) / 256;
    #pragma omp parallel for collapse(2)
    for (int64_t b = 0; b < batch; ++b)
        for (int64_t q = 0; q < blocks; ++q) {
            const int64_t p = q * 256, n = pixels - p < 256 ? pixels - p : 256;
            block(x + b * channels * pixels + p, out + b * channels * pixels + p, channels, pixels, n);
        }
}
"""


def run(problem: Problem, kernels: Sequence[tuple[str, str]], count: int, cache: Path) -> dict[str, Any]:
    """Judge so many candidates and say how long each took.

    Args:
        problem: what they compute.
        kernels: (name, source) of the kernels that take turns.
        count: candidates in all.
        cache: the judge's.
    """
    stamp = time.time_ns()
    rows: list[dict[str, Any]] = []
    begin = time.perf_counter()
    with LocalJudge(problem, cache=cache) as judge:
        judge.prepare()
        prepared = time.perf_counter() - begin
        for number in range(count):
            name, text = kernels[number % len(kernels)]
            source = f"{text}\n// candidate {number} of {stamp}\n"
            candidate = Candidate(problem.hash, "cpp", (("kernel.cpp", source),), problem.name)
            begin = time.perf_counter()
            evaluation = judge.evaluate(Job(candidate, problem.hash))
            total = time.perf_counter() - begin
            stages = {stage: evaluation.elapsed_ns.get(stage, 0) / 1e9 for stage in STAGES}
            passed = isinstance(evaluation, Passed)
            rows.append(
                {"kernel": name, "passed": passed, "total": total, "waiting": total - sum(stages.values()), **stages}
            )
        described = judge.describe()
    return {"problem": problem.name, "prepare_seconds": prepared, "candidates": rows, "judge": described}


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Median and 90th percentile of every stage, in seconds."""
    found = {}
    for stage in (*STAGES, "waiting", "total"):
        values = sorted(row[stage] for row in rows)
        found[stage] = {"median": statistics.median(values), "p90": values[int(0.9 * (len(values) - 1))]}
    return found


def table(result: dict[str, Any]) -> str:
    """What is printed: stages by kernel, in milliseconds."""
    rows = result["candidates"]
    groups = {"all": rows} | {name: [r for r in rows if r["kernel"] == name] for name in {r["kernel"] for r in rows}}
    lines = [
        f"{result['problem']}: {len(rows)} candidates, prepared in {result['prepare_seconds']:.1f} s; milliseconds",
        "",
    ]
    lines.append(f"{'kernel':12}{'':8}" + "".join(f"{stage:>9}" for stage in (*STAGES, "waiting", "total")))
    for name, group in groups.items():
        found = summary(group)
        for what in ("median", "p90"):
            cells = "".join(f"{1000 * found[stage][what]:9.0f}" for stage in found)
            lines.append(f"{name if what == 'median' else '':12}{what:8}{cells}")
    failed = sum(not row["passed"] for row in rows)
    lines.append(f"\n{failed} of {len(rows)} failed")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--candidates", type=int, default=60, help="judged candidates (60)")
    parser.add_argument("--problem", default="rms_norm", help="catalog name or problem file (rms_norm)")
    parser.add_argument("--kernel", type=Path, help="judge this kernel instead of the two built in")
    parser.add_argument("--cache", type=Path, help="the judge's cache directory")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the JSON goes")
    options = parser.parse_args(arguments)
    if options.candidates < 1:
        parser.error("--candidates must be at least 1")
    problem = load_problem(options.problem)
    if options.kernel:
        kernels = [(options.kernel.stem, options.kernel.read_text())]
    else:
        kernels = [("seed", find_seed(options.problem).read_text())]
        if problem.name == "rms_norm":
            kernels.append(("moved", MOVED))
    result = run(problem, kernels, options.candidates, options.cache or cache_directory())
    result["summary_seconds"] = summary(result["candidates"])
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    print(table(result))
    return 0 if all(row["passed"] for row in result["candidates"]) else 1


if __name__ == "__main__":
    raise SystemExit(main())
