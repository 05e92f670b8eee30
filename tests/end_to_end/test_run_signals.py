"""Signals to a real process: a drain that loses nothing, and a second signal that does not wait."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from warploom.archive import journal as journals
from warploom.testing.world import World
from warploom.values.event import Asked, Declined, Evaluated, RunPaused

_RUN = """
import sys, time
from pathlib import Path
from warploom.search.executor import LocalExecutor
from warploom.testing.synthetic import SyntheticJudge
from warploom.testing.world import World

slow = float(sys.argv[2])
judge = SyntheticJudge(seconds=lambda job: slow if len(judge.jobs) > 4 else 0.01)
executor = LocalExecutor(judge, 2)
with World(Path(sys.argv[1])).begin(in_flight=2, evaluations=100000, executor=executor) as run:
    summary = run.go(lambda event, state: print(type(event).__name__, flush=True))
    print("PAUSED" if not summary.finished else "FINISHED", summary.ended, flush=True)
"""


def running(root: Path, slow: float) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", _RUN, str(root), str(slow)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    seen = 0
    for line in process.stdout:
        seen += line.strip() == "Evaluated"
        if seen == 5:
            break
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_drains_records_and_exits_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    process = running(tmp_path, 0.3)
    process.send_signal(number)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert f"PAUSED interrupted by {number.name}" in said
    world = World(tmp_path)
    events = world.events()
    assert isinstance(events[-1], RunPaused)
    asked = sum(isinstance(event, Asked) for event in events)
    settled = sum(isinstance(event, Evaluated | Declined) for event in events)
    assert asked == settled, "what was at work when the signal came was finished and told"
    with world.go_on() as run:
        assert run.state.evaluations == sum(isinstance(event, Evaluated) for event in events)


def test_a_second_signal_stops_at_once_and_loses_nothing(tmp_path: Path) -> None:
    process = running(tmp_path, 5.0)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    assert process.stdout is not None
    said = process.stdout.read()
    process.wait(120)
    process.stdout.close()
    assert "PAUSED" in said
    with journals.reopen(tmp_path / "run") as journal:
        events = list(journal.events())
    assert isinstance(events[-1], RunPaused)
    with World(tmp_path).go_on() as run:
        assert run.state.pending, "what was dropped is taken up again"
