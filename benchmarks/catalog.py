"""Every problem of the catalog against PyTorch eager and ``torch.compile``.

    python benchmarks/catalog.py                        # all of them, 150 evaluations each, one after another
    python benchmarks/catalog.py --problems softmax,rope --evaluations 50

One run directory a problem; what is there already is read, what was interrupted is resumed, so the benchmark can be
stopped and started again at will. Prints a table and writes JSON with hardware, versions and the command.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

from warploom.problems.load import catalog_names

ROOT = Path(__file__).resolve().parent
KEPT_PYTORCH = 1.0
"""What a problem without a verified kernel counts as in the means over all: you would keep PyTorch."""

Command = Callable[[Sequence[str]], Mapping[str, Any]]
Row = dict[str, Any]


def warploom(words: Sequence[str]) -> Mapping[str, Any]:
    """Run one command with ``--json``; its last line of stdout, or ``{"error": …}``."""
    command = [sys.executable, "-m", "warploom", *words, "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, check=False)
    lines = done.stdout.strip().splitlines()
    try:
        answer: Mapping[str, Any] = json.loads(lines[-1])
    except (IndexError, ValueError):
        return {"error": f"exit code {done.returncode} without an answer"}
    return answer


def run_problem(name: str, folder: Path, options: Sequence[str], call: Command = warploom) -> Row:
    """Evolve, resume or read one problem's run, and make its row."""
    if (folder / "journal.db").exists():
        found = call(["show", str(folder)])
        if not found.get("finished") and "error" not in found:
            call(["resume", str(folder)])
            found = call(["show", str(folder)])
    else:
        failed = call(["evolve", name, "--run", str(folder), *options])
        found = call(["show", str(folder)]) if "error" not in failed else failed
    return to_row(name, found)


def to_row(name: str, found: Mapping[str, Any]) -> Row:
    """One line of the table, from what ``warploom show --json`` says."""
    if "error" in found or not found.get("best"):
        return {"problem": name, "verified": False, "reason": found.get("error", "no kernel was promoted")}
    first = found["workloads"][0]
    baselines = first["baselines"]

    def baseline_ms(baseline: str) -> float | None:
        return baselines[baseline]["baseline_ns"] / 1e6 if baseline in baselines else None

    return {
        "problem": name,
        "verified": True,
        "best": found["best"],
        "workload": first["workload"],
        "eager_ms": baseline_ms("eager"),
        "compile_ms": baseline_ms("compile"),
        "best_ms": first["call_ns"] / 1e6,
        "speedup": found["speedup"],
        "evaluations": found["evaluations"],
        "minutes": found["minutes"],
    }


def geometric_mean(values: Iterable[float]) -> float | None:
    """None of nothing."""
    logs = [math.log(value) for value in values]
    return math.exp(sum(logs) / len(logs)) if logs else None


def interval_of_mean(intervals: Sequence[Mapping[str, float]], count: int) -> tuple[float, float]:
    """The 95 % interval of a geometric mean over ``count`` problems: independent errors add up in squares.

    Args:
        intervals: ``median``, ``low`` and ``high`` of each; the problems without one are exact.
        count: of all problems.
    """
    centre = sum(math.log(one["median"]) for one in intervals) / count
    down = math.hypot(*(math.log(one["median"] / one["low"]) for one in intervals)) / count
    up = math.hypot(*(math.log(one["high"] / one["median"]) for one in intervals)) / count
    return math.exp(centre - down), math.exp(centre + up)


def summarise(rows: Sequence[Row]) -> dict[str, Any]:
    """Geometric means for each baseline, over all problems; those without a figure count as 1 and are named."""
    means: dict[str, Any] = {"problems": len(rows), "failed": [row["problem"] for row in rows if not row["verified"]]}
    for baseline in ("eager", "compile"):
        known = {
            row["problem"]: row["speedup"][baseline] for row in rows if row["verified"] and row["speedup"].get(baseline)
        }
        missing = [row["problem"] for row in rows if row["problem"] not in known]
        values = sorted([*(one["median"] for one in known.values()), *[KEPT_PYTORCH] * len(missing)])
        means[baseline] = {
            "geometric_mean": geometric_mean(values),
            "interval": interval_of_mean(list(known.values()), len(rows)) if rows else None,
            "median": median(values) if values else None,
            "worst": min(values, default=None),
            "faster": sum(one["median"] > 1 for one in known.values()),
            "faster_for_sure": sum(one["low"] > 1 for one in known.values()),
            "counted_as_1": missing,
        }
    return means


def table(rows: Sequence[Row], means: Mapping[str, Any]) -> str:
    """The rows and means as text."""
    head = (
        f"{'problem':<20}{'eager ms':>9}{'compile':>9}{'best ms':>9}  {'vs eager':<23}{'vs compile':<23}"
        f"{'evals':>6}{'min':>6}  verified"
    )
    lines = [head, "-" * len(head)]
    for row in rows:
        if not row["verified"]:
            lines.append(f"{row['problem']:<20}  FAILED: {row['reason']}")
            continue
        lines.append(
            f"{row['problem']:<20}{_ms(row['eager_ms'])}{_ms(row['compile_ms'])}{_ms(row['best_ms'])}  "
            f"{_interval(row['speedup'].get('eager')):<23}{_interval(row['speedup'].get('compile')):<23}"
            f"{row['evaluations']:>6}{row['minutes']:>6.1f}  yes"
        )
    lines.append("")
    for baseline in ("eager", "compile"):
        entry = means[baseline]
        line = f"geometric mean over all {means['problems']}, vs {baseline}: "
        if entry["interval"]:
            low, high = entry["interval"]
            line += f"{entry['geometric_mean']:.3f} [{low:.3f}, {high:.3f}]; "
            line += f"median {entry['median']:.2f}, worst {entry['worst']:.2f}; "
        line += f"faster on {entry['faster']}, for sure on {entry['faster_for_sure']}"
        if entry["counted_as_1"]:
            line += f"; counted as 1: {', '.join(entry['counted_as_1'])}"
        lines.append(line)
    return "\n".join(lines)


def _ms(value: float | None) -> str:
    return f"{value:>9.3f}" if value is not None else f"{'–':>9}"


def _interval(value: Mapping[str, float] | None) -> str:
    return f"{value['median']:.2f} [{value['low']:.2f}, {value['high']:.2f}]" if value else "–"


def machine() -> dict[str, Any]:
    """Processor, cores, and the versions that matter."""
    model = platform.processor()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    except OSError:
        pass
    versions = {"python": platform.python_version()}
    for package in ("warploom", "torch"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "absent"
    compiler = subprocess.run(["g++", "--version"], capture_output=True, text=True, check=False).stdout.splitlines()
    versions["g++"] = compiler[0] if compiler else "absent"
    return {
        "processor": model,
        "cores": len(os.sched_getaffinity(0)),
        "system": platform.platform(),
        "versions": versions,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is wanted, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", default="", help="names, separated by commas; all of them by default")
    parser.add_argument("--evaluations", type=int, default=150, help="judged candidates a problem (150)")
    parser.add_argument("--seed", type=int, default=0, help="seed of every search (0)")
    parser.add_argument("--minutes", type=float, default=None, help="minutes a problem at most")
    parser.add_argument("--runs", type=Path, default=Path("runs/catalog"), help="directory of the runs")
    parser.add_argument("--output", type=Path, default=ROOT / "results" / "catalog.json", help="where the JSON goes")
    chosen = parser.parse_args(arguments)
    known = catalog_names()
    names = [name.strip() for name in chosen.problems.split(",") if name.strip()] or list(known)
    if unknown := [name for name in names if name not in known]:
        parser.error(f"unknown problems: {', '.join(unknown)}; known: {', '.join(known)}")
    options = ["--evaluations", str(chosen.evaluations), "--seed", str(chosen.seed)]
    if chosen.minutes is not None:
        options += ["--minutes", str(chosen.minutes)]
    rows: list[Row] = []
    for number, name in enumerate(names, 1):
        began = time.monotonic()
        row = run_problem(name, chosen.runs / name, options)
        rows.append(row)
        said = _interval(row["speedup"].get("eager")) if row["verified"] else f"FAILED: {row['reason']}"
        print(f"[{number}/{len(names)}] {name}: {said} ({time.monotonic() - began:.0f} s)", file=sys.stderr, flush=True)
        write(chosen.output, rows, arguments)
    print(table(rows, summarise(rows)))
    return 0 if all(row["verified"] for row in rows) else 1


def write(output: Path, rows: Sequence[Row], arguments: Sequence[str] | None) -> None:
    """The result so far, in one step."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    result = {
        "command": shlex.join(["python", "benchmarks/catalog.py", *words]),
        "machine": machine(),
        "means": summarise(rows),
        "rows": list(rows),
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    beside = output.with_suffix(".part")
    beside.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    beside.replace(output)


if __name__ == "__main__":
    sys.exit(main())
