"""Which strategy finds more with the same budget: problems × seeds × variants.

    python benchmarks/study.py                                             # six problems, three seeds, five variants
    python benchmarks/study.py --problems softmax,sum_dim1 --seeds 0,1 --evaluations 60

Variants: islands, greedy, random, and islands without crossover or without the bandit. A run directory each; what is
there already is read, what was interrupted is resumed, so the study can be stopped and started again at will.

All runs of a problem share one judge, and the first measurement of a candidate: when two runs come upon the same
kernel, both are told the same times, so that luck in measuring it favours neither. When all runs of a problem are
over, the kernels they ended with are measured once more, one after another in random order, and that is what is
compared: what a run said of its best also depends on what else the machine did at that moment.
Prints a table of geometric means over eager and writes JSON.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import random
import statistics
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from warploom.archive import journal as journals
from warploom.errors import WarploomError
from warploom.judge.evaluate import LocalJudge
from warploom.judge.protocol import Judge
from warploom.problems.cache import cache_directory
from warploom.problems.load import load_problem
from warploom.search.executor import LocalExecutor
from warploom.search.proposers import Resting, judges_at_once, make_proposer
from warploom.search.sitting import Parts, Summary, begin, go_on
from warploom.search.task import starting_candidate
from warploom.values.config import RunConfig
from warploom.values.job import Job
from warploom.values.outcome import Evaluation, Passed
from warploom.values.problem import Problem
from warploom.values.speedup import speedup

RESULTS = Path(__file__).parent / "results"
PROBLEMS = "sum_dim1,bmm,cumsum,softmax,rms_norm,depthwise_conv"
VARIANTS: dict[str, dict[str, Any]] = {
    "islands": {"strategy": "islands"},
    "greedy": {"strategy": "greedy"},
    "random": {"strategy": "random"},
    "islands-without-crossover": {"strategy": "islands", "crossover": False},
    "islands-without-bandit": {"strategy": "islands", "bandit": False},
}
KEPT_PYTORCH = 1.0
"""What a run without a promoted kernel faster than eager counts as: one would keep PyTorch."""

Row = dict[str, Any]


@dataclass
class SharedJudge:
    """Measures a candidate once for all runs of a problem; what is to be promoted is always measured anew.

    Attributes:
        judge: measures.
        known: candidate → its first evaluation, in whichever run.
        told: how many were known already when they were asked for.
    """

    judge: Judge
    known: dict[str, Evaluation] = field(default_factory=dict)
    told: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def evaluate(self, job: Job) -> Evaluation:
        """As any judge; a screening without an incumbent, since the next run that asks has another."""
        if job.effort != "screen":
            return self.judge.evaluate(job)
        with self._lock:
            self.told += job.candidate.id in self.known
            if job.candidate.id not in self.known:
                self.known[job.candidate.id] = self.judge.evaluate(replace(job, incumbent=None))
            return self.known[job.candidate.id]

    def learn(self, folder: Path) -> None:
        """Take what a run has measured already."""
        with journals.read(folder) as journal:
            for candidate in journal.candidates():
                found = journal.evaluation(candidate)
                if found is not None:
                    self.known.setdefault(candidate, found)

    def close(self) -> None:
        """End the judge."""
        self.judge.close()


@contextmanager
def local(problem: Problem) -> Iterator[tuple[SharedJudge, Mapping[str, Any]]]:
    """The judge of this machine for all runs of a problem, and what it says of itself."""
    judge = LocalJudge(problem, cache=cache_directory())
    try:
        judge.prepare()
        yield SharedJudge(judge), judge.describe()
    finally:
        judge.close()


Opened = Callable[[Problem], Any]


def study(
    problem_name: str, seeds: Sequence[int], variants: Sequence[str], evaluations: int, runs: Path, opened: Opened
) -> Iterator[Row]:
    """All runs of one problem, the variants of a seed in random order, then their kernels again; a row each."""
    problem = load_problem(problem_name)
    folders = {
        (seed, variant): runs / f"{Path(problem_name).stem}-{seed}-{variant}-{evaluations}"
        for seed in seeds
        for variant in variants
    }
    with opened(problem) as (judge, environment):
        for folder in folders.values():
            if (folder / "journal.db").exists():
                judge.learn(folder)
        rows: list[Row] = []
        for seed in seeds:
            order = list(variants)
            random.Random(f"{problem_name}/{seed}").shuffle(order)
            for variant in order:
                config = RunConfig(problem_name, evaluations=evaluations, seed=seed, **VARIANTS[variant])
                before = judge.told
                row = one(folders[seed, variant], config, problem, judge, environment)
                rows.append({"problem": problem_name, "seed": seed, "variant": variant, **row})
                rows[-1]["told"] = judge.told - before
                print(f"{problem_name} {seed} {variant}: {row['then']:.2f}×  {row['error']}", flush=True)
        best = {row["best"]: folders[row["seed"], row["variant"]] for row in rows if row["best"]}
        again = measured_again(best, judge)
    for row in rows:
        yield row | {"eager": max(KEPT_PYTORCH, again.get(row["best"], KEPT_PYTORCH))}


def measured_again(best: Mapping[str, Path], judge: Judge) -> dict[str, float]:
    """Kernel → its speedup over eager, measured anew in random order; none for one that failed.

    Args:
        best: id of a kernel → a run that ended with it.
        judge: measures.
    """
    found: dict[str, float] = {}
    for candidate, folder in random.Random(len(best)).sample(list(best.items()), len(best)):
        with journals.read(folder) as journal:
            kernel = journal.proposal(candidate).candidate
        evaluation = judge.evaluate(Job(kernel, kernel.problem, "promote"))
        over = speedup(evaluation.timings, "eager") if isinstance(evaluation, Passed) else None
        if over is not None:
            found[candidate] = over.median
    return found


def one(folder: Path, config: RunConfig, problem: Problem, judge: Judge, environment: Mapping[str, Any]) -> Row:
    """Run, resume or read one run; what it said then of its promoted best over eager and compile."""
    try:
        found = go(folder, config, problem, judge, environment)
    except WarploomError as error:
        return {"then": KEPT_PYTORCH, "compile": None, "evaluations": 0, "best": "", "error": str(error)}
    medians = {name: three[0] for name, three in found.speedup.items()}
    return {
        "then": medians.get("eager", KEPT_PYTORCH),
        "compile": medians.get("compile"),
        "evaluations": found.evaluations,
        "failures": dict(found.failures),
        "best": found.best,
        "error": "" if found.finished else found.ended,
    }


def go(folder: Path, config: RunConfig, problem: Problem, judge: Judge, environment: Mapping[str, Any]) -> Summary:
    """One run with the problem's judge; as in :mod:`warploom.search.run` but for that."""
    resting = Resting()
    executor = LocalExecutor(judge, judges_at_once(config))
    parts = Parts(executor, partial(make_proposer, config, problem, environment, resting), environment, resting=resting)
    seed = starting_candidate(config, problem)
    there = (folder / "journal.db").exists()
    with go_on(journals.reopen(folder), seed, parts) if there else begin(folder, config, problem, seed, parts) as run:
        found = run.go()
    if not found.finished:
        raise KeyboardInterrupt
    return found


def main(opened: Opened = local) -> None:
    """Run what is missing, print the table, write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", default=PROBLEMS, help="names or paths, with commas")
    parser.add_argument("--seeds", default="0,1,2", help="with commas")
    parser.add_argument("--variants", default=",".join(VARIANTS), help=f"of: {', '.join(VARIANTS)}")
    parser.add_argument("--evaluations", type=int, default=150, help="budget of each run")
    parser.add_argument("--runs", type=Path, default=Path("runs/study"), help="where the run directories are")
    parser.add_argument("--out", type=Path, default=RESULTS / "study.json", help="where the results go")
    given = parser.parse_args()
    variants = given.variants.split(",")
    if unknown := [variant for variant in variants if variant not in VARIANTS]:
        parser.error(f"unknown variant {unknown[0]!r}; known: {', '.join(VARIANTS)}")
    rows: list[Row] = []
    for problem in given.problems.split(","):
        seeds = [int(word) for word in given.seeds.split(",")]
        for row in study(problem, seeds, variants, given.evaluations, given.runs, opened):
            rows.append(row)
            words = f"{row['then']:.2f}× then, {row['told']} of {row['evaluations']} known from other runs"
            print(f"{problem} {row['seed']} {row['variant']}: {row['eager']:.2f}×  {row['error'] or words}", flush=True)
    report(rows, variants)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    about = {
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "command": f"python benchmarks/study.py --problems {given.problems} --evaluations {given.evaluations}",
        "evaluations": given.evaluations,
    }
    given.out.write_text(json.dumps({**about, "rows": rows}, indent=1) + "\n")
    print(f"written to {given.out}")


def report(rows: Sequence[Row], variants: Sequence[str]) -> None:
    """Geometric means over problems and seeds, and how often each variant was the best of its problem and seed."""
    cells = sorted({(row["problem"], row["seed"]) for row in rows})
    by = {(row["problem"], row["seed"], row["variant"]): row["eager"] for row in rows}
    problems = list(dict.fromkeys(row["problem"] for row in rows))
    print(
        f"\n{'variant':<28} {'over eager':>10} {'spread':>8} {'best of':>10}  "
        + "  ".join(f"{p:>16}" for p in problems)
    )
    for variant in variants:
        logs = [math.log(by[problem, seed, variant]) for problem, seed in cells]
        wins = sum(by[cell[0], cell[1], variant] == max(by[cell[0], cell[1], v] for v in variants) for cell in cells)
        each = [
            math.exp(statistics.fmean(math.log(by[p, s, variant]) for p, s in cells if p == problem))
            for problem in problems
        ]
        seeds = [
            statistics.pstdev([math.log(by[p, s, variant]) for p, s in cells if p == problem]) for problem in problems
        ]
        print(
            f"{variant:<28} {math.exp(statistics.fmean(logs)):>9.3f}× {statistics.fmean(seeds):>8.3f} "
            f"{wins:>4} of {len(cells):<3}  " + "  ".join(f"{value:>15.2f}×" for value in each)
        )
    print("spread: standard deviation of the log speedup over the seeds of a problem, mean over the problems")


if __name__ == "__main__":
    main()
