from __future__ import annotations

import importlib
import json
import random
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import psutil
import pytest

from warploom.testing.world import World

RUN = """
import sys
from pathlib import Path
from warploom.search.executor import LocalExecutor
from warploom.testing.synthetic import SyntheticJudge
from warploom.testing.world import World
executor = LocalExecutor(SyntheticJudge(seconds=lambda job: 0.02))
with World(Path(sys.argv[1])).begin(evaluations=10000, executor=executor) as run:
    run.go()
"""


@pytest.fixture
def kill() -> ModuleType:
    return importlib.import_module("benchmarks.kill")


class Synthetic:
    """Stands for a driver: a synthetic run in a process of its own."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "run"
        self.process = subprocess.Popen([sys.executable, "-c", RUN, str(root)])

    def tree(self) -> list[psutil.Process]:
        return [psutil.Process(self.process.pid)]


def test_a_strike_kills_looks_and_counts(kill: ModuleType, tmp_path: Path) -> None:
    driver = Synthetic(tmp_path)
    limit = time.monotonic() + 60
    while len(kill.known(driver.folder)) < 5 and time.monotonic() < limit:
        time.sleep(0.05)
    found = kill.strike(driver, random.Random(0))
    driver.process.wait()
    assert (found.victim, found.lost, found.changed, found.intact) == ("driver", 0, 0, True)
    assert found.known >= 5
    assert found.driver_ended
    assert found.left_behind == 0
    assert len(kill.known(driver.folder)) >= found.known
    assert not kill.ended(driver.folder)


def test_what_is_lost_or_damaged_would_show(kill: ModuleType, tmp_path: Path) -> None:
    world = World(tmp_path)
    with world.begin(evaluations=10) as run:
        run.go()
    before = kill.known(tmp_path / "run")
    assert len(before) == 10
    assert kill.ended(tmp_path / "run")
    assert kill.length(tmp_path / "run") == len(world.events())
    (tmp_path / "run" / "journal.db").write_bytes(b"x" * 9000)
    assert kill.known(tmp_path / "run") == {}


def test_who_outlives_the_driver_is_counted(kill: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kill, "LEFT_BEHIND_SECONDS", 0.3)
    process = subprocess.Popen(["sleep", "60"])
    try:
        assert kill.left_behind([psutil.Process(process.pid)]) == 1
    finally:
        process.kill()
        process.wait()


def test_the_table_and_the_results(kill: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kills = [kill.Kill("driver", 7, 0, 0, True, True, 0), kill.Kill("jail", 9, 1, 0, False, False, 2)]
    kill.report(kills, 2, 1, 5, tmp_path / "kill.json")
    said = capsys.readouterr().out
    assert "1 known evaluations lost or changed in 2 kills (up to 9 known at a kill)" in said
    assert "1 of 2 runs completed after 5 starts" in said
    assert json.loads((tmp_path / "kill.json").read_text())["kills"][1]["left_behind"] == 2
