"""Exports kernels, installs them into a fresh environment, and puts them into a transformer block.

    python benchmarks/export.py --runs runs/catalog      # run directories by problem; missing ones are evolved first
    python benchmarks/export.py --evaluations 60 --seconds 4

For each of :data:`CATALOG` and :data:`OWN`: ``warploom export``, ``pip install`` into an environment made for this, and
the package's own tests there: every shape of the table and every held-out one against float64, ``opcheck``,
``torch.compile(fullgraph=True)``, the switch and its counter. Then ``benchmarks/transformer_block.py`` replaces three
operators of a block, in the same environment: output, paths, and the times of kernels and block apart. Prints two
Markdown tables and writes JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.catalog import machine

HERE = Path(__file__).resolve().parent
CATALOG = ("rms_norm", "swiglu", "gqa_decode", "int8_gemv")
CHECKS = (
    "a_shape_of_the_table_runs_the_kernel_and_is_right",
    "another_shape_is_right_too",
    "the_switch_is_counted",
    "it_compiles_without_a_graph_break",
    "opcheck",
)
"""Tests that every package brings along; an export is right when each was run and passed."""

OWN = ("rms_norm_rows",)
"""Beside this file: what the block needs and the catalog has not."""

IN_THE_BLOCK = ("rms_norm_rows", "swiglu", "gqa_decode")
Row = dict[str, Any]


def call(words: Sequence[str | Path], **options: Any) -> subprocess.CompletedProcess[str]:
    """Run something and keep what it said."""
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, **options)


def warploom(*words: str | Path) -> Mapping[str, Any]:
    """One command with ``--json``."""
    done = call([sys.executable, "-m", "warploom", *words, "--json"])
    try:
        found: Mapping[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError):
        return {"error": done.stderr.strip()[-300:] or f"exit code {done.returncode}"}
    return found


def environment(folder: Path) -> Path:
    """A fresh environment that sees this one's PyTorch; its interpreter."""
    venv.create(folder, with_pip=False, symlinks=True)
    inside = sysconfig.get_paths(vars={"base": str(folder), "platbase": str(folder)})["purelib"]
    Path(inside, "installed.pth").write_text(f"{sysconfig.get_paths()['purelib']}\n")
    return folder / "bin" / "python"


def to_row(name: str, made: Mapping[str, Any], manifest: Mapping[str, Any], tests: str) -> Row:
    """One line of the first table.

    Args:
        name: of the problem.
        made: what ``warploom export`` said.
        manifest: of the export.
        tests: what pytest printed, with a line for each test.
    """
    checks = {check: Counter[str]() for check in CHECKS}
    for verdict, test in re.findall(r"^(PASSED|FAILED|ERROR) \S*::test_(\w+)", tests, re.MULTILINE):
        checks.setdefault(test, Counter())[verdict.lower()] += 1
    counted = sum(checks.values(), Counter[str]())
    return {
        "problem": name,
        "variants": made["variants"],
        "table": [{"axes": row["axes"], "speedup": row["speedup"]} for row in manifest["table"]],
        "left_to_the_reference": made["slower"],
        "tests": counted,
        "checks": checks,
        "right": all(found["passed"] and found["passed"] == found.total() for found in checks.values()),
    }


def export(name: str, run: Path, python: Path, folder: Path) -> Row:
    """Export, install and test one kernel."""
    made = warploom("export", run, "--out", folder)
    if "error" in made:
        return {"problem": name, "right": False, "error": made["error"]}
    pip: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "--disable-pip-version-check",
        "install",
        "--quiet",
    ]
    installed = call([*pip, "--no-index", "--no-deps", "--no-build-isolation", folder])
    if installed.returncode:
        return {"problem": name, "right": False, "error": installed.stderr.strip()[-300:]}
    plain = ["-rA", "-p", "no:cacheprovider", "-W", "ignore"]
    tested = call([python, "-m", "pytest", *plain, folder / "tests"], cwd=folder)
    manifest = json.loads(next(folder.glob("src/*/manifest.json")).read_text())
    return to_row(name, made, manifest, tested.stdout)


def table(rows: Sequence[Row]) -> str:
    """Exports as Markdown."""
    lines = ["| problem | shape | over eager | over compile | package's tests |", "| --- | --- | --- | --- | --- |"]
    for row in rows:
        said = row.get("error") or ", ".join(f"{number} {word}" for word, number in row["tests"].items())
        for shape in row.get("table", [{}]):
            axes = ", ".join(f"{axis}={length}" for axis, length in shape.get("axes", {}).items())
            over = [f"{one['median']:.2f}" if (one := shape.get("speedup", {}).get(key)) else "" for key in BASELINES]
            lines.append(f"| {row['problem']} | {axes} | {over[0]} | {over[1]} | {said} |")
    return "\n".join(lines)


BASELINES = ("eager", "compile")


def block_table(found: Mapping[str, Any]) -> str:
    """Kernels and block as Markdown."""
    lines = ["| what | PyTorch, ms | with kernels, ms | times faster |", "| --- | --- | --- | --- |"]
    lines += [_line(f"kernel: {name}", one) for name, one in found["kernels"].items()]
    for scene, one in found["block"].items():
        lines += [_line(f"block, {scene}, {mode}", one[mode]) for mode in ("eager", "compiled")]
    return "\n".join(lines)


def _line(what: str, one: Mapping[str, float]) -> str:
    return f"| {what} | {one['plain_ms']:.3g} | {one['kernels_ms']:.3g} | {one['times_faster']:.2f} |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Do all of it; 1 when an export is not right."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, action="append", default=[], help="where run directories lie, repeatable")
    parser.add_argument("--problems", default=",".join((*CATALOG, *OWN)))
    parser.add_argument("--evaluations", type=int, default=60, help="of a run that is not there yet")
    parser.add_argument("--seconds", type=float, default=8.0, help="of each measurement of the block")
    parser.add_argument("--scenes", default="prefill,decode", help="of the block")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "export.json")
    words = parser.parse_args(arguments)
    names = words.problems.split(",")
    work = Path(tempfile.mkdtemp(prefix="warploom-export-"))
    try:
        python = environment(work / "environment")
        os.environ["WARPLOOM_KERNEL_CACHE"] = str(work / "cache")
        os.environ["OMP_WAIT_POLICY"] = "passive"  # beside other work, threads that spin cost forty times the work
        rows = []
        for name in names:
            run = next((place / name for place in words.runs if (place / name / "best").is_dir()), work / "runs" / name)
            if not run.exists():
                problem = HERE / name / "problem.py" if name in OWN else name
                warploom("evolve", problem, "--run", run, "--evaluations", str(words.evaluations))
            rows.append(export(name, run, python, work / name))
            sys.stderr.write(f"{name}: {'right' if rows[-1]['right'] else rows[-1]}\n")
        found: Row = {"command": shlex.join(["python", "benchmarks/export.py", *sys.argv[1:]]), "machine": machine()}
        found |= {"load": os.getloadavg(), "rows": rows}
        sys.stdout.write(f"{table(rows)}\n")
        if all(row["right"] for row in rows) and set(IN_THE_BLOCK) <= set(names):
            packages = [f"{name}={name}_kernel" for name in IN_THE_BLOCK]
            done = call(
                [
                    python,
                    HERE / "transformer_block.py",
                    *packages,
                    "--seconds",
                    str(words.seconds),
                    "--scenes",
                    words.scenes,
                ],
                cwd=work,
            )
            if done.returncode:
                sys.stderr.write(done.stderr)
                return 1
            found["in_a_block"] = json.loads(done.stdout.splitlines()[-1])
            sys.stdout.write(f"\n{block_table(found['in_a_block'])}\n")
    finally:
        shutil.rmtree(work, ignore_errors=True)
    words.out.write_text(json.dumps(found, indent=1) + "\n")
    return 0 if all(row["right"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
