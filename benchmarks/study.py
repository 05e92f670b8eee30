"""Which strategy finds more with the same budget: problems × seeds × variants.

    python benchmarks/study.py                                             # six problems, three seeds, five variants
    python benchmarks/study.py --problems softmax,sum_dim1 --seeds 0,1 --evaluations 60

Variants: islands, greedy, random, and islands without crossover or without the bandit. A run directory each; what is
there already is read, what was interrupted is resumed, so the study can be stopped and started again at will. The
variants of one problem and seed are run one after another, so that the machine's moods fall on all of them alike.
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
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
PROBLEMS = "softmax,rms_norm,sum_dim1,cross_entropy,gqa_decode_40_8,swiglu"
VARIANTS: dict[str, tuple[str, ...]] = {
    "islands": ("--strategy", "islands"),
    "greedy": ("--strategy", "greedy"),
    "random": ("--strategy", "random"),
    "islands-without-crossover": ("--strategy", "islands", "--no-crossover"),
    "islands-without-bandit": ("--strategy", "islands", "--no-bandit"),
}
KEPT_PYTORCH = 1.0
"""What a run without a promoted kernel faster than eager counts as: one would keep PyTorch."""


def main() -> None:
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
    rows: list[dict[str, Any]] = []
    for problem in given.problems.split(","):
        for seed in (int(word) for word in given.seeds.split(",")):
            order = list(variants)
            random.Random(f"{problem}/{seed}").shuffle(order)
            for variant in order:
                name = f"{Path(problem).stem}-{seed}-{variant}-{given.evaluations}"
                row = one(problem, seed, variant, given.evaluations, given.runs / name)
                rows.append({"problem": problem, "seed": seed, "variant": variant, **row})
                print(f"{name}: {row['eager']:.2f}×{'' if not row['error'] else '  ' + row['error']}", flush=True)
    report(rows, variants)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    about = {
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "command": sys.argv,
        "evaluations": given.evaluations,
    }
    given.out.write_text(json.dumps({**about, "rows": rows}, indent=1) + "\n")
    print(f"written to {given.out}")


def one(problem: str, seed: int, variant: str, evaluations: int, folder: Path) -> dict[str, Any]:
    """Run, resume or read one run; its speedup of the promoted best over eager and compile."""
    if not (folder / "journal.db").exists():
        words = ["evolve", problem, "--evaluations", str(evaluations), "--seed", str(seed), "--run", str(folder)]
        answer = warploom([*words, *VARIANTS[variant]])
    else:
        answer = warploom(["resume", str(folder)])
    shown = answer.get("speedup") or {}
    found = {name: (shown.get(name) or {}).get("median") for name in ("eager", "compile")}
    return {
        "eager": max(KEPT_PYTORCH, found["eager"] or KEPT_PYTORCH),
        "compile": found["compile"],
        "evaluations": answer.get("evaluations", 0),
        "failures": answer.get("failures", {}),
        "best": answer.get("best"),
        "error": answer.get("error", ""),
    }


def warploom(words: Sequence[str]) -> dict[str, Any]:
    """Run one command with ``--json``; its object, or ``{"error": …}``."""
    command = [sys.executable, "-m", "warploom", *words, "--json"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        last = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        return {"error": f"exit code {done.returncode}: {last[0]}"}
    return answer


def report(rows: Sequence[dict[str, Any]], variants: Sequence[str]) -> None:
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
