"""One harness, one candidate, one process: ``python -m benchmarks.peers.ask HARNESS STEP CHECKOUT CANDIDATE OUT``.

Its own process, since a cheat may leave nothing of the process as it was.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from benchmarks.peers.catalog import CANDIDATES
from benchmarks.peers.report import Report


def main(harness: str, step: str, checkout: str, name: str, out: str) -> None:
    adapter = importlib.import_module(f"benchmarks.peers.{harness}")
    (candidate,) = (one for one in CANDIDATES if one.name == name)
    write = Report.write  # the cheat is about to run in this process
    try:
        report = adapter.judge(Path(checkout), candidate, step)
    except Exception as error:  # noqa: BLE001 - whatever the harness does not catch itself ends its evaluation
        report = Report(False, detail=f"ended by {type(error).__name__}: {error}"[:200])
    write(report, Path(out))


if __name__ == "__main__":
    main(*sys.argv[1:])
