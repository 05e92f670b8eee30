"""Record this machine's noise: a kernel beside itself, sample by sample, for tests that play it back.

    python benchmarks/noise.py                        # 8 comparisons while the machine is quiet, 8 while it is loaded
    python benchmarks/noise.py --states loaded --load 2

"Quiet" waits until no more than a few per cent of the machine are at work for others, and drops a comparison during
which that changed; "loaded" keeps so many cores busy meanwhile. Writes ``tests/unit/judge/recorded_noise.json``, which
``tests/unit/judge/test_selftest_recorded.py`` replays through the real statistics, and prints a table.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from warploom.judge.machine import against_itself
from warploom.judge.machine.busy import busy_share
from warploom.judge.machine.hardware import hardware
from warploom.judge.timing.sampling import Plan
from warploom.sandbox.jail import find_jail
from warploom.sandbox.lease import Lease
from warploom.toolchain.find import find_toolchain
from warploom.values.outcome import Timing

RECORD = Path(__file__).parents[1] / "tests" / "unit" / "judge" / "recorded_noise.json"
STATES = ("quiet", "loaded")
PAIRS = 60
ALL_PAIRS = Plan(least=PAIRS, most=PAIRS, seconds=0.0, half_width=0.0, patience_seconds=1e9, few=PAIRS)
WATCH_SECONDS = 0.4

BURN = "import os, sys\nwhile os.getppid() == int(sys.argv[1]): sum(range(10000))"


@contextlib.contextmanager
def busy_cores(count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Keep so many cores busy; their work may move from core to core, as other people's does."""
    burners = [subprocess.Popen([sys.executable, "-c", BURN, str(os.getpid())]) for _ in range(count)]
    try:
        yield burners
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()


def record(state: str, count: int, cores: int, quiet: float, deadline_s: float) -> list[dict[str, Any]]:
    """So many comparisons in one state; fewer when the machine does not become quiet in time."""
    found: list[dict[str, Any]] = []
    toolchain, jail, lease = find_toolchain("cpp"), find_jail(), Lease.of_device()
    with tempfile.TemporaryDirectory() as folder, busy_cores(cores if state == "loaded" else 0):
        while len(found) < count and time.monotonic() < deadline_s:
            before = busy_share(WATCH_SECONDS) or 0.0
            if state == "quiet" and before > quiet:
                continue
            with lease.exclusive():
                (timings,) = against_itself.compare(toolchain, jail, Path(folder), 1, ALL_PAIRS)
            busy = max(before, busy_share(WATCH_SECONDS) or 0.0)
            if state == "quiet" and busy > quiet:
                continue
            found.append({"busy": round(busy, 3), "timings": [_plain(timing) for timing in timings]})
    return found


def _plain(timing: Timing) -> dict[str, Any]:
    return {
        "workload": str(timing.workload),
        "calls": timing.calls[0],
        "own_ns": [round(ns) for ns in timing.samples_ns],
        "other_ns": [round(ns) for ns in timing.reference_samples_ns],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--comparisons", type=int, default=8, help="of each state (8)")
    parser.add_argument("--states", nargs="+", choices=STATES, default=STATES, help="which to record (both)")
    parser.add_argument("--load", type=int, default=1, help="cores kept busy while loaded (1)")
    parser.add_argument("--quiet", type=float, default=0.1, help="share at work for others that is still quiet (0.1)")
    parser.add_argument("--minutes", type=float, default=30.0, help="how long to wait for quiet (30)")
    parser.add_argument("--out", type=Path, default=RECORD, help="the record; states not recorded now are kept")
    options = parser.parse_args(arguments)
    kept = json.loads(options.out.read_text())["states"] if options.out.exists() else {}
    for state in options.states:
        deadline_s = time.monotonic() + 60 * options.minutes
        comparisons = record(state, options.comparisons, options.load, options.quiet, deadline_s)
        if comparisons:
            kept[state] = {
                "load": options.load if state == "loaded" else 0,
                "priority": os.getpriority(os.PRIO_PROCESS, 0),
                "comparisons": comparisons,
            }
        print(f"{state:8}{len(comparisons)} of {options.comparisons} comparisons recorded")
    machine = {name: value for name, value in hardware().items() if name in {"cpu", "cores", "machine"}}
    record_of = {"machine": machine, "toolchain": find_toolchain("cpp").version(), "states": kept}
    options.out.write_text(json.dumps(record_of).replace('{"busy"', '\n{"busy"') + "\n")
    return 0 if set(kept) >= set(options.states) else 1


if __name__ == "__main__":
    raise SystemExit(main())
