"""GPU MODE's reference-kernels: its ``eval.py`` as a program, on its own matrix product (float16), tests then ranking.

The files of a submission are put together as its ``task.yml`` says. The submission installs the stand-in for the GPU
before anything else; nothing of theirs is changed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.peers.catalog import Candidate
from benchmarks.peers.report import Report

FOLDER = "reference-kernels"
REPOSITORY = "gpu-mode/reference-kernels"
TITLE = "reference-kernels"
STEPS = ("all",)
TESTS = ("m: 64; n: 64; k: 64; seed: 53124", "m: 128; n: 128; k: 128; seed: 3321", "m: 32; n: 512; k: 32; seed: 32523")
RANKED = ("m: 256; n: 256; k: 256; seed: 423011",)
HEAD = """import sys
sys.path.insert(0, {root!r})
from benchmarks.peers import stand_in
stand_in.install()
"""
TAIL = """

def custom_kernel(data):
    return kernel(*data[:2])
"""


def load(checkout: Path) -> None:
    """Nothing: it runs as a program of its own."""


def judge(checkout: Path, candidate: Candidate, step: str) -> Report:
    """What its evaluation program says of it."""
    if candidate.problem != "product":
        return Report(False, not_applicable="it has no softmax among the problems of this form")
    if candidate.name == "float16":
        return Report(False, not_applicable="its matrix product is in float16 itself")
    family = checkout / "problems" / "pmpp_v2"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file in (family / "eval.py", family / "utils.py", *(family / "matmul_py").glob("*.py")):
            shutil.copy(file, folder)
        head = HEAD.format(root=str(Path(__file__).parents[2]))
        (folder / "submission.py").write_text(head + candidate.text + TAIL)
        tested = _run(folder, "test", TESTS)
        if tested.get("check") != "pass":
            errors = [value for key, value in tested.items() if key.endswith(".error")]
            return Report(False, detail=" ".join(errors[:1])[:200] or "the program ended without a verdict")
        ranked = _run(folder, "leaderboard", RANKED)
    if ranked.get("check") != "pass":
        errors = [value for key, value in ranked.items() if key.endswith(".error")]
        return Report(False, detail=("ranking: " + " ".join(errors[:1]))[:200])
    return Report(True, time_ms=float(ranked["benchmark.0.mean"]) / 1e6)


def _run(folder: Path, mode: str, cases: tuple[str, ...]) -> dict[str, str]:
    """What ``eval.py`` logged, key by key."""
    (folder / "cases.txt").write_text("\n".join(cases))
    log = folder / f"{mode}.log"
    with log.open("w") as out:
        environment = {
            **os.environ,
            "POPCORN_FD": str(out.fileno()),
            "POPCORN_SEED": str(int.from_bytes(os.urandom(4))),
        }
        command = [sys.executable, "eval.py", mode, "cases.txt"]
        subprocess.run(command, cwd=folder, env=environment, pass_fds=(out.fileno(),), timeout=400, check=False)
    return dict(line.split(": ", 1) for line in log.read_text().splitlines() if ": " in line)
