"""One harness asked about candidates: ``python -m benchmarks.peers.ask HARNESS CHECKOUT FOLDER CANDIDATE:STEP:RUN …``.

The harness is imported once; every question is answered by a fork of its own, since a cheat may leave nothing of a
process as it was. The answers go to ``FOLDER/CANDIDATE:STEP:RUN.json``.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from benchmarks.peers.catalog import CANDIDATES
from benchmarks.peers.report import Report

DEADLINE_S = 300


def answer(adapter: Any, checkout: Path, question: str, out: Path) -> None:
    """Ask, and write down what was said. Ends the process."""
    write, leave = Report.write, os._exit  # the cheat is about to run in this process
    name, step, _ = question.split(":")
    (candidate,) = (one for one in CANDIDATES if one.name == name)
    try:
        report = adapter.judge(checkout, candidate, step)
    except Exception as error:  # noqa: BLE001 - whatever the harness does not catch itself ends its evaluation
        traceback.print_exc()
        report = Report(False, detail=f"ended by {type(error).__name__}: {error}"[:200])
    write(report, out)
    leave(0)


def wait(child: int) -> None:
    """Until that process has ended, but not beyond the deadline."""
    end = time.monotonic() + DEADLINE_S
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return
        time.sleep(0.05)


def main(harness: str, where: str, folder: str, *questions: str) -> None:
    adapter, checkout = importlib.import_module(f"benchmarks.peers.{harness}"), Path(where)
    adapter.load(checkout)
    for question in questions:
        out = Path(folder) / f"{question}.json"
        child = os.fork()
        if child == 0:
            answer(adapter, checkout, question, out)
        wait(child)
        if not out.exists():
            Report(False, detail=f"its process died or took more than {DEADLINE_S} s").write(out)
        print(question, out.read_text(), file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
