"""How often the judge rejects an honest kernel: the catalog's seeds and promoted kernels, verified again and again.

    python benchmarks/rejections.py                                   # the seeds, 20 verifications each
    python benchmarks/rejections.py --runs runs/ --problems softmax   # and what these runs promoted
    python benchmarks/rejections.py --problems rope --times 100

A verification is a fresh process and, for every workload and every timed shape with values of a held-out recipe, inputs
drawn from a new secret seed with their own float64 oracle; each runs twice, as for a promotion. Nothing is timed.
``--runs`` takes every ``best/evidence.json`` below it. Prints a table and writes ``benchmarks/results/rejections.json``
after every kernel; the exit code is 1 when one was rejected.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from warploom.judge.verification import Verification
from warploom.problems.load import cache_directory, catalog_names, find_seed, load_problem
from warploom.values.candidate import Candidate
from warploom.values.outcome import Failed
from warploom.values.problem import Problem

RESULTS = Path(__file__).parent / "results" / "rejections.json"


@dataclass(frozen=True)
class Kernel:
    """An honest kernel: where it comes from, its source and its compiler flags."""

    problem: str
    origin: str
    source: str
    flags: tuple[str, ...] = ()

    def candidate(self, problem: Problem) -> Candidate:
        """As the judge takes it."""
        return Candidate(problem.hash, "cpp", (("kernel.cpp", self.source),), problem.name, build_flags=self.flags)


@dataclass
class Row:
    """What became of one kernel.

    Attributes:
        problem: what it computes.
        origin: "seed" or the run it comes from.
        verifications: how many were made.
        checks: verified workloads in all of them.
        largest_error: the largest error of any accepted element, in units of its tolerance.
        rejections: kind and message of every rejection.
        seconds: it all took.
    """

    problem: str
    origin: str
    verifications: int = 0
    checks: int = 0
    largest_error: float = 0.0
    rejections: list[str] = field(default_factory=list)
    seconds: float = 0.0


def kernels(names: Sequence[str], runs: Path | None) -> Iterator[Kernel]:
    """The seeds of these problems, and what runs below the folder promoted for them."""
    for name in names:
        yield Kernel(name, "seed", find_seed(name).read_text())
    for path in sorted(runs.rglob("best/evidence.json")) if runs is not None else ():
        found: dict[str, Any] = json.loads(path.read_text())
        name = found["problem"]["name"]
        if name in names:
            text = path.with_name("kernel.cpp").read_text()
            yield Kernel(name, path.parent.parent.name, text, tuple(found["build_flags"]))


def verified(kernel: Kernel, verification: Verification, times: int) -> Row:
    """Verify one kernel so often."""
    row = Row(kernel.problem, kernel.origin)
    begin = time.perf_counter()
    for _ in range(times):
        found = verification.verify(kernel.candidate(verification.problem))
        row.verifications += 1
        if isinstance(found, Failed):
            row.rejections.append(f"{found.kind}: {found.message}")
            continue
        row.checks += len(found.checks)
        row.largest_error = max([row.largest_error, *(check.max_rel_error for check in found.checks)])
    row.seconds = round(time.perf_counter() - begin, 1)
    return row


def line(row: Row) -> str:
    """One line of the table."""
    said = f"  {row.rejections[0]}" if row.rejections else ""
    figures = f"{row.verifications:>6} {row.checks:>7} {len(row.rejections):>9} {row.largest_error:>9.3f}"
    return f"{row.problem:<18} {row.origin:<26.26} {figures} {row.seconds:>8.1f}{said}"


def main() -> int:
    """Verify them all, print the table, write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", default="", help="names, separated by commas; all by default")
    parser.add_argument("--runs", type=Path, help="folder with run directories")
    parser.add_argument("--times", type=int, default=20, help="verifications of each kernel")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the results go")
    given = parser.parse_args()
    names = tuple(given.problems.split(",")) if given.problems else catalog_names()
    chosen = list(kernels(names, given.runs))
    rows: list[Row] = []
    heads = f"{'times':>6} {'checks':>7} {'rejected':>9} {'worst err':>9} {'seconds':>8}"
    print(f"{'problem':<18} {'kernel':<26} {heads}", flush=True)
    for name in names:
        with Verification(load_problem(name), cache=cache_directory()) as verification:
            for kernel in (kernel for kernel in chosen if kernel.problem == name):
                rows.append(verified(kernel, verification, given.times))
                print(line(rows[-1]), flush=True)
                write(rows, given.out)
    rejected, total = write(rows, given.out)
    print(f"\n{rejected} of {total} verifications of {len(rows)} honest kernels were rejections")
    return 1 if rejected else 0


def write(rows: Sequence[Row], out: Path) -> tuple[int, int]:
    """Write the results so far; rejections and verifications in all."""
    rejected, total = sum(len(row.rejections) for row in rows), sum(row.verifications for row in rows)
    result = {"verifications": total, "rejections": rejected, "kernels": [asdict(row) for row in rows]}
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=1) + "\n")
    return rejected, total


if __name__ == "__main__":
    sys.exit(main())
