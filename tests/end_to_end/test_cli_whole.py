"""The commands on the real thing: a small problem, the real compiler, sandbox and PyTorch."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from warploom.cli.main import run

pytestmark = pytest.mark.torch

PROBLEM = '''
"""Rows scaled and shifted."""

from warploom.values.problem import Problem, Tensor, Workload


def scaled(x, weight):
    return x * weight + 1.0


problem = Problem(
    name="scaled",
    title="rows scaled and shifted",
    axes=("rows", "cols"),
    inputs={"x": Tensor("rows cols"), "weight": Tensor("cols")},
    outputs={"out": Tensor("rows cols")},
    reference=scaled,
    workloads=[Workload(rows=256, cols=1000)],
    held_out=[Workload(rows=1, cols=1), Workload(rows=3, cols=37, recipe="wide")],
)
'''

SEED = """#include <cstdint>

// EVOLVE-BLOCK-START
extern "C" void scaled(const float* x, const float* weight, float* out, int64_t rows, int64_t cols) {
    for (int64_t i = 0; i < rows; ++i) {
        for (int64_t j = 0; j < cols; ++j) {
            out[i * cols + j] = x[i * cols + j] * weight[j] + 1.0f;
        }
    }
}
// EVOLVE-BLOCK-END
"""


def warploom(*words: str, cwd: Path, timeout: float = 240) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "warploom", *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=timeout, check=False)


def answer(*words: str, cwd: Path, code: int = 0) -> dict[str, Any]:
    done = warploom(*words, "--json", cwd=cwd)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stdout.splitlines()) == 1, done.stdout
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, judge_cache: Path) -> Path:
    """A directory with a problem, its seed, and a run that was stopped by Ctrl-C and then resumed to its end."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "scaled.py").write_text(PROBLEM)
    (folder / "scaled.seed.cpp").write_text(SEED)
    words = ["evolve", "scaled.py", "--evaluations", "7", "--seed", "1", "--run", "run", "--json"]
    command = [sys.executable, "-m", "warploom", *words]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 240
        while judged(folder / "run" / "journal.db") < 2 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 0, err
    assert err == ""
    (folder / "stopped.json").write_text(out)
    (folder / "answer.json").write_text(json.dumps(answer("resume", "run", cwd=folder)))
    return folder


def judged(journal: Path) -> int:
    try:
        with closing(sqlite3.connect(f"{journal.as_uri()}?mode=ro", uri=True)) as database:
            return int(database.execute("SELECT COUNT(*) FROM events WHERE kind = 'Evaluated'").fetchone()[0])
    except sqlite3.Error:
        return 0


def test_ctrl_c_stops_cleanly_and_resume_completes(place: Path) -> None:
    before, after = (json.loads((place / name).read_text()) for name in ("stopped.json", "answer.json"))
    assert not before["finished"]
    assert 2 <= before["evaluations"] <= after["evaluations"] <= 7
    assert after["finished"]


def test_a_run_ends_with_one_object_and_a_kernel_with_evidence(place: Path) -> None:
    found = json.loads((place / "answer.json").read_text())
    assert found["run"] == "run"
    assert found["best"]
    assert isinstance(found["failures"], dict)
    for baseline in ("eager", "compile"):
        assert found["speedup"][baseline]["low"] <= found["speedup"][baseline]["median"]
    assert "extern" in (place / "run" / "best" / "kernel.cpp").read_text()
    assert json.loads((place / "run" / "best" / "evidence.json").read_text())["candidate"] == found["best"]


Said = Callable[..., dict[str, Any]]


@pytest.fixture
def said(place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Said:
    """What a command answers that needs no process of its own."""
    monkeypatch.chdir(place)

    def ask(*words: str, code: int = 0) -> dict[str, Any]:
        assert run([*words, "--json"]) == code
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        assert len(out.splitlines()) == 1, out
        found: dict[str, Any] = json.loads(out)
        return found

    return ask


def test_show_best_and_diff_agree_with_it(place: Path, said: Said) -> None:
    end = json.loads((place / "answer.json").read_text())
    found = said("show", "run")
    assert found == end
    assert found["elites"]
    assert said("best", "run")["source"] == (place / "run" / "best" / "kernel.cpp").read_text()
    whole = said("show", "run", end["best"])
    assert whole["promoted"]["status"] == "passed"
    diff = said("diff", "run", "--seed")
    assert diff["to"] == end["best"]


def test_evolve_into_an_existing_run_says_so(said: Said) -> None:
    found = said("evolve", "scaled.py", "--run", "run", code=2)
    assert "run" in found["error"]
    assert "resume" in found["error"]


def test_resume_of_an_ended_run_says_how_it_stands(place: Path, said: Said) -> None:
    found = said("resume", "run")
    assert found["finished"]
    assert found["best"] == json.loads((place / "answer.json").read_text())["best"]


def test_judge_passes_the_best(place: Path) -> None:
    found = answer("judge", "scaled.py", "run/best/kernel.cpp", cwd=place)
    assert found["status"] == "passed"
    assert found["title"] == "rows scaled and shifted"
    assert found["speedup"]["eager"]["median"] > 0
    assert found["workloads"][0]["axes"] == {"rows": 256, "cols": 1000}


def test_judge_fails_a_wrong_one(place: Path, said: Said) -> None:
    """One that does not compile: that needs no PyTorch. What else can be wrong stands in test_judge_verdicts.py."""
    (place / "wrong.cpp").write_text(SEED.replace("1.0f", "one"))
    found = said("judge", "scaled.py", "wrong.cpp", code=1)
    assert (found["status"], found["stage"], found["kind"]) == ("failed", "build", "compile_error")


def test_bad_input_is_one_line(place: Path, said: Said) -> None:
    assert "softmax" in answer("evolve", "softmaxx", cwd=place, code=2)["error"]
    assert "nothing.py" in said("evolve", "nothing.py", code=2)["error"]
    assert "nothing.cpp" in said("evolve", "scaled.py", "--start", "nothing.cpp", code=2)["error"]
    assert "islands" in said("evolve", "scaled.py", "--strategy", "island", code=2)["error"]
    assert "evaluations" in said("evolve", "scaled.py", "--evaluations", "0", code=2)["error"]
    (place / "file").touch()
    assert "file" in said("evolve", "scaled.py", "--run", "file/run", code=2)["error"]
    (place / "other.cpp").write_text(SEED.replace("int64_t cols)", "int32_t cols)"))
    assert "scaled" in said("evolve", "scaled.py", "--start", "other.cpp", "--run", "other", code=2)["error"]


def test_no_process_is_left(place: Path) -> None:
    deadline = time.monotonic() + 60
    while left_of(place):
        assert time.monotonic() < deadline, f"still there: {left_of(place)}"
        time.sleep(0.05)


def left_of(place: Path) -> list[str]:
    """Processes that name this place."""
    return [
        entry.name
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and entry.name != str(os.getpid()) and str(place).encode() in command_line(entry)
    ]


def command_line(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""
