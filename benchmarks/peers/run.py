"""The same cheats against Warploom and against its peers' checkers, and the peers' own cheats against Warploom.

    python benchmarks/peers/run.py --root ~/peers --python ~/peers/venv/bin/python

``--root`` holds the checkouts, each in a folder named as its repository (``KernelBench``, ``robust-kbench``,
``BackendBench``, ``kernelfoundry``, ``reference-kernels``); one that is not there is "absent". ``--python`` is an
interpreter with PyTorch and what the peers import; by default the one that runs this. Prints the table of
``docs/peers.md``, writes ``benchmarks/results/peers.json``. With ``--only`` the other
columns stay as they are there, with ``--candidate`` the other rows of the peers' columns.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.peers import (  # noqa: E402
    backendbench,
    kernelbench,
    kernelfoundry,
    ours,
    reference_kernels,
    robust_kbench,
)
from benchmarks.peers.catalog import CANDIDATES, Candidate  # noqa: E402
from benchmarks.peers.report import ABSENT, Report, cell  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results" / "peers.json"
PEERS = {
    module.__name__.rpartition(".")[2]: module
    for module in (kernelbench, robust_kbench, backendbench, kernelfoundry, reference_kernels)
}
OURS, CONTROL = "warploom", "honest"
NAMES = [candidate.name for candidate in CANDIDATES]


def git(checkout: Path, *arguments: str) -> str:
    """What git says in that checkout."""
    done = subprocess.run(["git", "-C", str(checkout), *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def provenance(peer: str, checkout: Path) -> dict[str, Any]:
    """What was asked: repository, commit, its date, and whether anything in the checkout was changed."""
    changed = git(checkout, "status", "--porcelain", "--untracked-files=no")
    return {
        "title": PEERS[peer].TITLE,
        "repository": PEERS[peer].REPOSITORY,
        "commit": git(checkout, "rev-parse", "HEAD"),
        "date": git(checkout, "log", "-1", "--format=%cs"),
        "changed": bool(changed),
    }


def ask(python: str, peer: str, checkout: Path, questions: Sequence[str], folder: Path) -> None:
    """Have them answered by a process of that interpreter, which forks for each; see ``ask.py``."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    words = [python, "-m", "benchmarks.peers.ask", peer, str(checkout), str(folder), *questions]
    log = folder / "log.txt"
    with log.open("w") as out:
        done = subprocess.run(words, cwd=ROOT, env=environment, stdout=out, stderr=out, check=False)
    if done.returncode:
        last = (log.read_text(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
        raise SystemExit(f"error: {PEERS[peer].TITLE} could not be asked, exit code {done.returncode}: {last}")


def together(reports: Sequence[Report]) -> Report:
    """The reports of all steps of one run as one."""
    if not all(report.accepted for report in reports):
        return next(report for report in reports if not report.accepted)
    return replace(reports[0], time_ms=reports[-1].time_ms, reference_ms=reports[-1].reference_ms)


def column(
    python: str, peer: str, checkout: Path, runs: int, candidates: Sequence[Candidate]
) -> dict[str, dict[str, Any]]:
    """These candidates against one peer, each so many times; the run with the median time counts."""

    def questions(candidate: Candidate) -> list[list[str]]:
        return [[f"{candidate.name}:{step}:{number}" for step in PEERS[peer].STEPS] for number in range(runs)]

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def reports(candidate: Candidate) -> list[Report]:
            return [together([Report.read(folder / f"{one}.json") for one in run]) for run in questions(candidate)]

        every = [question for candidate in candidates for run in questions(candidate) for question in run]
        ask(python, peer, checkout, every, folder)
        found = {candidate.name: reports(candidate) for candidate in candidates}
    control = typical(found[CONTROL])
    if not control.accepted:
        raise SystemExit(f"error: {peer} refuses the plain control, so its column is void: {control.detail}")
    rows = {}
    for candidate in candidates:
        word, why = cell(candidate.aim, typical(found[candidate.name]), control.time_ms)
        times = [(report.time_ms, report.reference_ms) for report in found[candidate.name]]
        rows[candidate.name] = {"cell": word, "why": why, "times_ms": times}
    return rows


def typical(reports: Sequence[Report]) -> Report:
    """The run with the median ratio of times among those accepted; where fewer than half are, one that was not."""
    taken = [report for report in reports if report.accepted]
    if 2 * len(taken) <= len(reports):
        return next(report for report in reports if not report.accepted)
    ratios = [(report.time_ms or 0.0) / (report.reference_ms or 1.0) for report in taken]
    middle = median(ratios)
    return min(zip(ratios, taken, strict=True), key=lambda pair: abs(pair[0] - middle))[1]


def table(result: dict[str, Any]) -> str:
    """The two tables of ``docs/peers.md``."""
    names = [name for name in (*PEERS, OURS) if name in result["columns"]]
    titles = [result["columns"][name]["title"] for name in names]
    lines = ["| candidate | aims at | " + " | ".join(titles) + " |", "|---" * (len(names) + 2) + "|"]
    for candidate in CANDIDATES:
        cells = [result["columns"][name].get("cells", {}).get(candidate.name, {}).get("cell", ABSENT) for name in names]
        words = [f"**{word}**" if word in ("fooled", "refused") else word for word in cells]
        lines.append(f"| {candidate.title} (`{candidate.name}`) | {candidate.aim} | " + " | ".join(words) + " |")
    lines += ["", "| their kernel | from | our twin | Warploom |", "|---|---|---|---|"]
    for row in result["translated"]:
        lines.append(f"| {row['original']} | {row['peer'] or '(ours)'} | `{row['kernel']}.cpp` | {row['cell']} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--root", type=Path, required=True, help="folder with the checkouts")
    parser.add_argument("--python", default=sys.executable, help="interpreter that can import what the peers do")
    parser.add_argument("--only", choices=(*PEERS, OURS), action="append", help="ask these alone (may be repeated)")
    parser.add_argument("--candidate", choices=NAMES, action="append", help="these rows alone, and the control")
    parser.add_argument("--runs", type=int, default=3, help="runs of each candidate (3)")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the JSON goes")
    options = parser.parse_args(arguments)
    if options.runs < 1:
        parser.error("--runs must be at least 1")
    wanted = options.only or [*PEERS, OURS]
    wanted_candidates = [one for one in CANDIDATES if one.name in (CONTROL, *(options.candidate or NAMES))]
    result: dict[str, Any] = {"columns": {}, "translated": []}
    if (options.only or options.candidate) and options.out.exists():
        result = json.loads(options.out.read_text())
    for peer in (name for name in wanted if name != OURS):
        checkout = options.root / PEERS[peer].FOLDER
        found = (checkout / ".git").exists()
        title = PEERS[peer].TITLE
        if not found:
            result["columns"][peer] = {"title": title}
            continue
        known = result["columns"].get(peer, {}).get("cells", {}) if options.candidate else {}
        rows = column(options.python, peer, checkout, options.runs, wanted_candidates)
        result["columns"][peer] = {**provenance(peer, checkout), "cells": {**known, **rows}}
    if OURS in wanted:
        result["translated"] = ours.judge_translated()
        cells = ours.judge_zoo(CANDIDATES, result["translated"])
        rows = {name: {"cell": word, "why": why} for name, (word, why) in cells.items()}
        result["columns"][OURS] = {"title": "Warploom", "commit": git(ROOT, "rev-parse", "HEAD"), "cells": rows}
    result["when"] = datetime.now(UTC).isoformat(timespec="seconds")
    result["python"], result["machine"] = platform.python_version(), platform.machine()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    print(table(result))
    fooled = [name for name, row in result["columns"].get(OURS, {}).get("cells", {}).items() if row["cell"] == "fooled"]
    return 1 if fooled else 0


if __name__ == "__main__":
    raise SystemExit(main())
