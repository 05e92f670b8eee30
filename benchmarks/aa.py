"""A kernel against itself, under load: how often would it be promoted over itself?

    python benchmarks/aa.py                                       # 200 comparisons, one core kept busy
    python benchmarks/aa.py --comparisons 20 --load 0 --problem softmax

Each comparison takes the kernel both as the best so far and as its challenger: fresh processes, fresh secret inputs,
side by side, and the rule that the search promotes by (the lower end of the challenger's interval beats the best so
far by more than the noise floor). That is stricter than a search, where a candidate must look better in a first
measurement before it is measured again. For comparison it also counts how often the speedup over eager alone,
measured at another moment, would have promoted it. Writes ``benchmarks/results/aa.json`` and prints a table.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from warploom.judge.evaluate import LocalJudge
from warploom.judge.promotion import INCUMBENT, promotes
from warploom.problems.cache import cache_directory
from warploom.problems.load import find_seed, load_problem
from warploom.values.candidate import Candidate
from warploom.values.job import Job
from warploom.values.outcome import Passed
from warploom.values.problem import Problem
from warploom.values.speedup import speedup

RESULTS = Path(__file__).parent / "results" / "aa.json"
ALLOWED = 0.01
"""Share of comparisons that may end in a promotion."""

BURN = """
import os, sys
os.sched_setaffinity(0, {int(sys.argv[1])})
while os.getppid() == int(sys.argv[2]):
    sum(range(10000))
"""


@contextlib.contextmanager
def load(count: int) -> Iterator[None]:
    """Keep so many cores busy, from the last one downwards."""
    cores = sorted(os.sched_getaffinity(0))[::-1]
    burners = [
        subprocess.Popen([sys.executable, "-c", BURN, str(cores[index % len(cores)]), str(os.getpid())])
        for index in range(count)
    ]
    try:
        yield
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()


def run(problem: Problem, source: str, comparisons: int, busy: int, cache: Path) -> dict[str, Any]:
    """Measure the kernel against itself so many times."""
    candidate = Candidate(problem.hash, "cpp", (("kernel.cpp", source),), problem.name)
    rows: list[dict[str, Any]] = []
    with load(busy), LocalJudge(problem, cache=cache) as judge:
        judge.prepare()
        floor = judge.noise_floor
        before: float | None = None
        while len(rows) < comparisons:
            evaluation = judge.evaluate(Job(candidate, problem.hash, "promote", rival=candidate))
            if not isinstance(evaluation, Passed):
                raise SystemExit(f"the kernel failed: {evaluation.stage}: {evaluation.kind}: {evaluation.message}")
            rows.append(_row(evaluation, before, floor))
            before = rows[-1]["over_eager"]
    promoted = sum(row["promoted"] for row in rows)
    return {
        "problem": problem.name,
        "comparisons": rows,
        "load": busy,
        "noise_floor": floor,
        "promoted": promoted,
        "share": promoted / len(rows),
    }


def _row(evaluation: Passed, before: float | None, floor: float) -> dict[str, Any]:
    """One comparison; ``before`` is the log speedup over eager of the measurement before."""
    side_by_side, eager = speedup(evaluation.timings, INCUMBENT), speedup(evaluation.timings)
    assert side_by_side is not None
    assert eager is not None
    alone = [timing for timing in evaluation.timings if timing.baseline == "eager"]
    return {
        "median": math.log(side_by_side.median),
        "low": math.log(side_by_side.low),
        "high": math.log(side_by_side.high),
        "promoted": promotes(evaluation.timings, before, floor),
        "over_eager": math.log(eager.median),
        "over_eager_promoted": before is not None and promotes(alone, before, floor),
    }


def table(result: dict[str, Any]) -> str:
    """What is printed."""
    rows = result["comparisons"]
    apart = sorted(abs(row["median"]) for row in rows)
    wide = [(row["high"] - row["low"]) / 2 for row in rows]
    alone = sum(row["over_eager_promoted"] for row in rows)
    lines = (
        ("problem", result["problem"]),
        ("comparisons", len(rows)),
        ("busy cores", result["load"]),
        ("noise floor", f"{result['noise_floor']:.3f}"),
        ("log ratio to itself, median", f"{statistics.median(apart):.3f}"),
        ("log ratio to itself, p90", f"{apart[int(0.9 * (len(apart) - 1))]:.3f}"),
        ("half-width of the interval, median", f"{statistics.median(wide):.3f}"),
        ("promoted over itself", f"{result['promoted']} ({result['share']:.1%}; at most {ALLOWED:.0%} wanted)"),
        ("by the speedup over eager alone", str(alone)),
    )
    return "\n".join(f"{name:38}{value}" for name, value in lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--comparisons", type=int, default=200, help="comparisons (200)")
    parser.add_argument("--load", type=int, default=1, help="cores kept busy meanwhile (1)")
    parser.add_argument("--problem", default="gqa_decode", help="catalog name or problem file (gqa_decode)")
    parser.add_argument("--kernel", type=Path, help="the kernel; the problem's seed by default")
    parser.add_argument("--cache", type=Path, help="the judge's cache directory")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the JSON goes")
    options = parser.parse_args(arguments)
    if options.comparisons < 1 or options.load < 0:
        parser.error("--comparisons must be at least 1, --load at least 0")
    problem = load_problem(options.problem)
    source = (options.kernel or find_seed(options.problem)).read_text()
    result = run(problem, source, options.comparisons, options.load, options.cache or cache_directory())
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    print(table(result))
    return 0 if result["share"] <= ALLOWED else 1


if __name__ == "__main__":
    raise SystemExit(main())
