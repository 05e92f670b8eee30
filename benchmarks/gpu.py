"""The GPU room of the catalog on a GPU: every seed judged, some tuned, against PyTorch eager and ``torch.compile``.

    python benchmarks/gpu.py                                   # all problems, the first timed shape of each
    python benchmarks/gpu.py --problems softmax_bf16,spmv --workloads 9 --effort promote --minutes 30

Needs PyTorch with CUDA and NumPy, and nothing else that a machine with a GPU may lack; Triton's seeds are left out
where Triton is absent. Problems run in processes of their own, a few at a time: while one computes an oracle another
is timed, alone on the device. No new one begins when the time is nearly up, so it ends in time with what it has. What
is tuned is judged as a record is, the rest is screened, which times eager alone; ``--effort promote`` does it for all.
Prints a table and writes JSON with hardware, versions and the command.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from warploom.errors import ConfigError, ToolchainError
from warploom.judge.evaluate import LocalJudge
from warploom.judge.gpu.offline import offline
from warploom.judge.gpu.place import describe
from warploom.judge.places import require_device
from warploom.problems.load import cache_directory, catalog_names, find_seed, load_problem
from warploom.syntax import tune
from warploom.toolchain.find import find_toolchain
from warploom.values.candidate import Candidate, Scalar
from warploom.values.job import Effort, Job
from warploom.values.language import SUFFIXES
from warploom.values.outcome import Failed, Passed
from warploom.values.problem import Problem
from warploom.values.speedup import speedup

ROOT = Path(__file__).resolve().parent
RESULTS = ROOT / "results" / "gpu.json"
LANGUAGES = ("cuda", "triton")
TUNED = ("softmax_bf16", "rms_norm_bf16", "matmul_bf16", "cross_entropy_bf16")
"""Problems whose seeds are tuned too, where none are named."""

BASELINES = ("eager", "compile")
AT_ONCE = 3
"""Problems at work at a time."""

LAST_SECONDS = 45.0
"""No new problem begins when less time is left."""

Row = dict[str, Any]


def present() -> list[str]:
    """Languages whose compiler is here."""
    found = []
    for language in LANGUAGES:
        try:
            find_toolchain(language).version()
            found.append(language)
        except ToolchainError:
            continue
    return found


def seed(problem: Problem, language: str, parameters: Mapping[str, Scalar] | None = None) -> Candidate:
    """The shipped seed, with these TUNE values or its defaults."""
    text = find_seed(problem.name, language).read_text()
    file = f"kernel{SUFFIXES[language]}"
    return Candidate(problem.hash, language, ((file, text),), problem.name, tuple(sorted((parameters or {}).items())))


def row_of(judge: LocalJudge, candidate: Candidate, effort: Effort) -> Row:
    """What became of one kernel."""
    found = judge.evaluate(Job(candidate, judge.problem.hash, effort))
    row: Row = {
        "problem": judge.problem.name,
        "language": candidate.language,
        "parameters": dict(candidate.parameters),
        "effort": effort,
        "elapsed_s": round(sum(found.elapsed_ns.values()) / 1e9, 1),
    }
    if isinstance(found, Failed):
        return {**row, "failed": f"{found.stage}: {found.kind}: {found.message}"}
    for baseline in BASELINES:
        row[baseline] = _interval(found, baseline)
        row[offline(baseline)] = _interval(found, offline(baseline))
    keys = ("roofline", "sanitizer", "noise_floor")
    row |= {key: found.environment[key] for key in keys if key in found.environment}
    row["workloads"] = [
        {
            "workload": str(one.workload),
            "baseline": one.baseline,
            "kernel_us": sorted(one.samples_ns)[len(one.samples_ns) // 2] / 1e3,
            "baseline_us": sorted(one.reference_samples_ns)[len(one.reference_samples_ns) // 2] / 1e3,
            "pairs": len(one.samples_ns),
        }
        for one in found.timings
    ]
    return row


def _interval(found: Passed, baseline: str) -> Row | None:
    value = speedup(found.timings, baseline)
    return None if value is None else {"median": value.median, "low": value.low, "high": value.high}


def tuned(judge: LocalJudge, first: Row, until: float) -> Row | None:
    """One TUNE line after another, each choice screened, the best kept; the best judged as the seed was.

    Args:
        judge: of the problem.
        first: the seed's row.
        until: on the monotonic clock; then what is best is judged.
    """
    language, best = str(first["language"]), first
    for line in tune.declared(seed(judge.problem, language).source):
        for value in line.choices:
            if time.monotonic() > until or value == {**best["parameters"]}.get(line.name, line.default):
                continue
            tried = seed(judge.problem, language, {**best["parameters"], line.name: value})
            row = row_of(judge, tried, "screen")
            if "failed" not in row and row["eager"]["median"] > best["eager"]["median"]:
                best = row
    if best is first:
        return None
    return {**row_of(judge, seed(judge.problem, language, best["parameters"]), first["effort"]), "tuned": True}


def one_problem(name: str, languages: Sequence[str], workloads: int, effort: Effort, tune_until: float) -> list[Row]:
    """Rows of one problem, its seeds and perhaps what tuning makes of them."""
    problem = load_problem(name)
    problem = replace(problem, workloads=problem.workloads[:workloads])
    rows = []
    with LocalJudge(problem, cache=cache_directory(), language=languages[0]) as judge:
        for language in languages:
            row = row_of(judge, seed(problem, language), effort)
            rows.append(row)
            better = tuned(judge, row, tune_until) if "failed" not in row and time.monotonic() < tune_until else None
            rows += [better] if better else []
    return rows


def versions() -> dict[str, str]:
    """Of what takes part."""
    found = {"python": platform.python_version()}
    for language in LANGUAGES:
        try:
            found[language] = find_toolchain(language).version()
        except ToolchainError as error:
            found[language] = f"absent: {error}"
    for package in ("torch", "triton", "numpy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "absent"
    return found


def shown(rows: Sequence[Row]) -> str:
    """The table."""
    lines = [f"{'problem':<20}{'language':<9}{'over eager':>24}{'over compile':>24}{'roofline':>10}"]
    for row in rows:
        name = f"{row['problem']:<20}{row['language'] + ('*' if row.get('tuned') else ''):<9}"
        if "failed" in row:
            lines.append(f"{name}  {row['failed'][:90]}")
            continue
        figures = "".join(f"{_figure(row[baseline]):>24}" for baseline in BASELINES)
        lines.append(f"{name}{figures}{row.get('roofline', math.nan):>10.0%}")
    passed = [row for row in rows if "failed" not in row]
    for baseline in BASELINES:
        best: dict[str, float] = {}
        for row in passed:
            if row[baseline]:
                best[row["problem"]] = max(best.get(row["problem"], 0.0), row[baseline]["median"])
        if best:
            mean = math.exp(sum(map(math.log, best.values())) / len(best))
            least = sum(value >= 1 for value in best.values())
            lines.append(
                f"best of each over {baseline}: {mean:.2f}× (geometric mean), {least} of {len(best)} at least 1×"
            )
    return "\n".join([*lines, "* tuned, without a model"] if any(row.get("tuned") for row in rows) else lines)


def _figure(value: Mapping[str, float] | None) -> str:
    return "–" if value is None else f"{value['median']:.2f}× [{value['low']:.2f}, {value['high']:.2f}]"


def asked(name: str, arguments: argparse.Namespace, seconds: float) -> list[Row]:
    """The rows of one problem from a process of its own, which is ended when its time is up."""
    tuned_too = name in arguments.tuned
    words = ["--one", name, "--workloads", str(arguments.workloads)]
    words += ["--effort", "promote" if tuned_too else arguments.effort]
    words += ["--tune-seconds", str(arguments.tune_seconds if tuned_too else 0)]
    command = [sys.executable, str(Path(__file__).resolve()), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
        rows: list[Row] = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        return [{"problem": name, "language": "", "failed": "the time was up"}]
    except ValueError:
        said = (done.stderr.strip().splitlines() or ["no answer"])[-1]
        return [{"problem": name, "language": "", "failed": said}]
    return rows


def everything(arguments: argparse.Namespace, names: Sequence[str]) -> list[Row]:
    """All problems, a few at a time, until the time is nearly up."""
    end = time.monotonic() + 60 * arguments.minutes
    gate, rows = threading.Lock(), {}

    def work(name: str) -> None:
        left = end - time.monotonic()
        if left < LAST_SECONDS:
            found: list[Row] = [{"problem": name, "language": "", "failed": "not begun: the time was nearly up"}]
        else:
            found = asked(name, arguments, left)
        with gate:
            rows[name] = found
            print(f"{name}: {'; '.join(_said(row) for row in found)}", file=sys.stderr, flush=True)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(work, names))
    return [row for name in names for row in rows[name]]


def _said(row: Row) -> str:
    return f"{row['language']} {row['failed'] if 'failed' in row else _figure(row['eager'])}".strip()


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", type=lambda text: text.split(","), default=list(catalog_names("gpu")))
    parser.add_argument("--workloads", type=int, default=1, help="timed shapes of each problem at most")
    parser.add_argument("--effort", choices=["screen", "promote"], default="screen")
    parser.add_argument("--tuned", type=lambda text: [name for name in text.split(",") if name], default=list(TUNED))
    parser.add_argument("--tune-seconds", type=float, default=40.0, help="for each tuned problem and language")
    parser.add_argument("--minutes", type=float, default=6.0)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args(words)
    languages = present()
    try:
        device = require_device("cuda")
        if not languages:
            raise ConfigError("neither NVRTC nor Triton is here: nothing can be compiled")
    except ConfigError as error:
        print(f"gpu: {error}", file=sys.stderr)
        return 2
    if arguments.one:
        until = time.monotonic() + arguments.tune_seconds if arguments.tune_seconds else 0.0
        rows = one_problem(arguments.one, languages, arguments.workloads, arguments.effort, until)
        print(json.dumps(rows))
        return 0
    # Tuned ones first: they take longest.
    names = sorted(arguments.problems, key=lambda name: name not in arguments.tuned)
    rows = everything(arguments, names)
    print(shown(rows))
    record = {
        "command": shlex.join(["python", "benchmarks/gpu.py", *words]),
        "hardware": describe(device),
        "versions": versions(),
        "rows": rows,
    }
    arguments.results.parent.mkdir(parents=True, exist_ok=True)
    arguments.results.write_text(json.dumps(record, indent=1) + "\n")
    return 0 if any("failed" not in row for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
