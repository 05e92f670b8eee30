"""The long fuzzing run: a crash, a hang, an exception and a wrong pass are each found and laid to the right input."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FILE = Path(__file__).resolve().parents[3] / "benchmarks" / "fuzz.py"
MODULE = """
import ctypes, time
from warploom.testing.fuzz import Target, WrongPass

class Staged(Target):
    def attempt(self, seed, number):
        match number:
            case 2: raise WrongPass("taken for right")
            case 3: raise KeyError("forgotten")
            case 5: ctypes.string_at(0)
            case 7: time.sleep(60)
        return super().attempt(seed, number)

TARGETS = (
    Staged("bad", lambda rng: rng.random(), lambda value: "fine", weight=9, seconds=4.0),
    Target("good", lambda rng: rng.randrange(10), lambda value: "even" if value % 2 == 0 else "odd"),
)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "test_fuzz_staged.py").write_text(MODULE)
    return tmp_path


def fuzz(folder: Path, *words: str) -> tuple[int, str, dict[str, Any]]:
    out = folder / "fuzz.json"
    command = [sys.executable, str(FILE), "--tests", str(folder), "--out", str(out), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, done.stdout + done.stderr, json.loads(out.read_text()) if out.exists() else {}


def test_everything_that_goes_wrong_is_found(folder: Path) -> None:
    code, said, found = fuzz(folder, "--inputs", "10")
    assert code == 1
    bad, good = found["targets"]
    assert (bad["inputs"], good["inputs"]) == (9, 1)
    assert (bad["errors"], bad["wrong_passes"], bad["crashes"], bad["hangs"]) == (1, 1, 1, 1)
    assert bad["outcomes"] == {"fine": 5}
    starts = [finding.partition(": ")[0] for finding in bad["findings"]]
    assert starts == ["input 2", "input 3", "input 5", "input 7"]
    assert "KeyError" in bad["findings"][1]
    assert "status -11" in bad["findings"][2]
    assert "10 inputs, 4 findings (1 wrong passes)" in said


def test_inputs_repeat_and_a_clean_run_is_one(folder: Path) -> None:
    one = fuzz(folder, "--targets", "good", "--inputs", "40")
    again = fuzz(folder, "--targets", "good", "--inputs", "40")
    other = fuzz(folder, "--targets", "good", "--inputs", "40", "--seed", "1")
    assert one[0] == 0
    assert one[2]["findings"] == 0
    outcomes = [found["targets"][0]["outcomes"] for _, _, found in (one, again, other)]
    assert outcomes[0] == outcomes[1] != outcomes[2]
    code, said, _ = fuzz(folder, "--targets", "absent")
    assert code == 2
    assert "known: bad, good" in said
