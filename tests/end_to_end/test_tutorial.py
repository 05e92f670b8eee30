"""docs/tutorial.md as it is written: its files are saved, its commands run one after another, what it shows comes out.

The first block, which sets the clone up, has been run by whoever runs this. `python` and `pip` are those of a fresh
environment. The run is stopped by Ctrl-C on its way, as the page says it may be.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
import venv
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.torch, pytest.mark.timeout(1200)]

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "tutorial.md").read_text()
BLOCK = re.compile(r"(?:^`(?P<file>[\w/.]+)`:\n\n)?^```(?P<kind>\w+)\n(?P<text>.*?)^```", re.DOTALL | re.MULTILINE)
SET_UP = "scripts/setup\n. .venv/bin/activate\n"
EVOLVE = "warploom evolve my/box_iou.py --evaluations 12 --run my/run"
RESUME = "warploom resume my/run"
EXPORT = "warploom export my/run --format torch --out my/box_iou_kernel"
VERDICT = {"faster"}
"""What a machine at work for others may leave undecided."""

STOPPED_AFTER = 3
"""Candidates that are judged before Ctrl-C."""


@dataclass(frozen=True)
class Step:
    """A block of commands, what the page shows of its output, and what came out."""

    commands: str
    sample: str
    code: int
    output: str


def blocks() -> Iterator[tuple[str, str, str, str]]:
    """File name ("" for none), kind, text, and the sample that follows ("" for none), in the page's order."""
    found = list(BLOCK.finditer(PAGE))
    for one, after in zip(found, [*found[1:], None], strict=True):
        shown = after["text"] if after and after["kind"] == "text" else ""
        if one["kind"] != "text":
            yield one["file"] or "", one["kind"], one["text"], shown


class Tutorial:
    """A folder in which the page is followed, with an environment of its own."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "clone"
        (self.folder / "my").mkdir(parents=True)
        self.steps: dict[str, Step] = {}
        self.dashboard: dict[str, Any] = {}
        bin_ = root / "environment" / "bin"
        venv.create(bin_.parent, with_pip=False, symlinks=True)
        inside = sysconfig.get_paths(vars={"base": str(bin_.parent), "platbase": str(bin_.parent)})["purelib"]
        # PyTorch and pip are at hand as if they were installed there.
        Path(inside, "installed.pth").write_text(f"{sysconfig.get_paths()['purelib']}\n")
        for name, line in (("warploom", f"{sys.executable} -m warploom"), ("pip", f"{bin_}/python -m pip")):
            (bin_ / name).write_text(f'#!/bin/sh\nexec {line} "$@"\n')
            (bin_ / name).chmod(0o755)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("WARPLOOM_", "PIP_"))}
        self.environment = kept | {
            "PATH": f"{bin_}:{os.environ['PATH']}",
            "COLUMNS": "100",
            "WARPLOOM_KERNEL_CACHE": str(root / "kernels"),
            # Threads that spin beside other work, as test suites have it, cost forty times the work.
            "OMP_WAIT_POLICY": "passive",
            # Nothing is loaded from elsewhere: what the package is built with is here.
            **{"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        }

    def follow(self) -> None:
        for file, kind, text, sample in blocks():
            if file:
                (self.folder / file).write_text(text)
            elif text != SET_UP:
                assert kind == "sh", f"nothing is done with this block: {text}"
                with self.started(text) as process:
                    try:
                        if text.startswith("warploom evolve"):
                            self.stop(process)
                        if text.startswith("warploom ui"):
                            self.look(process)
                        output, _ = process.communicate(timeout=600)
                    finally:
                        with suppress(ProcessLookupError):
                            os.killpg(process.pid, signal.SIGKILL)
                self.steps[text.splitlines()[0]] = Step(text, sample, process.returncode, output)

    @property
    def undecided(self) -> bool:
        """Whether no kernel was faster for sure, so that there is nothing to take home."""
        promoted = (self.folder / "my" / "run" / "best" / "evidence.json").exists()
        return not promoted or "nothing to export" in self.steps[EXPORT].output

    def started(self, commands: str) -> subprocess.Popen[str]:
        """All that the commands start is a group of its own, as on a terminal."""
        return subprocess.Popen(
            ["bash", "-euc", commands],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def stop(self, process: subprocess.Popen[str]) -> None:
        deadline = time.monotonic() + 240
        while self.judged() < STOPPED_AFTER and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)

    def judged(self) -> int:
        journal = self.folder / "my" / "run" / "journal.db"
        try:
            with closing(sqlite3.connect(f"{journal.as_uri()}?mode=ro", uri=True)) as database:
                return int(database.execute("SELECT COUNT(*) FROM events WHERE kind = 'Evaluated'").fetchone()[0])
        except sqlite3.Error:
            return 0

    def look(self, process: subprocess.Popen[str]) -> None:
        """Ask the dashboard for its runs without the token and with it; then Ctrl-C."""
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        if process.poll() is None and "#token=" in address:
            origin, _, token = address.partition("/#token=")
            for name, headers in (("stranger", {}), ("owner", {"Authorization": f"Bearer {token}"})):
                request = urllib.request.Request(f"{origin}/api/runs/0/candidates", headers=headers)
                try:
                    with urllib.request.urlopen(request, timeout=60) as answer:
                        self.dashboard[name] = json.loads(answer.read())
                except urllib.error.HTTPError as error:
                    with error:
                        self.dashboard[name] = error.code
        os.killpg(process.pid, signal.SIGINT)


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory: pytest.TempPathFactory, judge_cache: Path) -> Tutorial:
    found = Tutorial(tmp_path_factory.mktemp("tutorial"))
    found.follow()
    if found.undecided:
        pytest.skip("this machine is too busy to tell that a kernel is faster")
    return found


def words(text: str) -> set[str]:
    """Words of an output that are the same on every machine: no figures, no ids, no lines of progress."""
    lines = [line for line in text.splitlines() if not re.match(r"\d+/\d+", line)]
    return set(re.findall(r"[A-Za-z_.]{4,}", "\n".join(lines)))


def test_the_clone_has_what_the_first_block_runs() -> None:
    assert f"```sh\n{SET_UP}```" in PAGE
    assert os.access(ROOT / "scripts" / "setup", os.X_OK)


def test_every_command_ends_well_and_gives_what_the_page_shows(tutorial: Tutorial) -> None:
    for step in tutorial.steps.values():
        assert step.code == 0, f"{step.commands}\n{step.output}"
        assert "Traceback" not in step.output, step.output
    shown = {name: step.output for name, step in tutorial.steps.items() if step.sample}
    shown[EVOLVE] += tutorial.steps[RESUME].output
    assert len(shown) == 6
    for name, output in shown.items():
        assert words(tutorial.steps[name].sample) - VERDICT <= words(output), f"{name}:\n{output}"


def test_ctrl_c_stops_cleanly_and_resume_completes(tutorial: Tutorial) -> None:
    before, after = (tutorial.steps[name].output for name in (EVOLVE, RESUME))
    assert "interrupted by SIGINT" in before
    assert "warploom resume my/run" in before
    assert "12 candidates judged" in after
    assert "12 evaluations done" in after


def test_the_run_leaves_a_kernel_that_is_faster_and_its_evidence(tutorial: Tutorial) -> None:
    found = json.loads((tutorial.folder / "my" / "run.json").read_text())
    assert found["finished"]
    for baseline in ("eager", "compile"):
        assert found["speedup"][baseline]["low"] <= found["speedup"][baseline]["median"]
    kernel = (tutorial.folder / found["kernel"]).read_text()
    assert "box_iou" in kernel
    assert json.loads((tutorial.folder / found["evidence"]).read_text())["candidate"] == found["best"]
    looked = tutorial.steps["warploom show my/run"].output
    assert found["best"] in looked
    assert re.search(r"^\+.*for \(", looked, re.MULTILINE), "the diff from the seed"
    page = (tutorial.folder / "my" / "report.html").read_text()
    assert '<figure id="speedup"' in page
    assert found["best"] in page


def test_the_dashboard_shows_the_run_to_its_owner_alone(tutorial: Tutorial) -> None:
    pytest.importorskip("uvicorn", reason="the extra ui is not installed")
    assert tutorial.dashboard["stranger"] == 401
    assert tutorial.dashboard["owner"]["total"] == 12


def test_the_model_runs_the_kernel_where_it_was_measured_and_computes_the_same(tutorial: Tutorial) -> None:
    (variant,) = (tutorial.folder / "my" / "box_iou_kernel" / "src" / "box_iou_kernel" / "variants").iterdir()
    said = tutorial.steps["python my/model.py"].output.splitlines()
    assert said[0].endswith("calls {'reference/shape': 1}")
    assert said[1].endswith(f"calls {{'kernel/{variant.name}': 1}}")
    off = tutorial.steps["WARPLOOM_DISABLE=box_iou python my/model.py"].output.splitlines()
    assert [line.partition("calls ")[2] for line in off[:2]] == ["{'reference/disabled': 1}"] * 2
    for line in (*said[:2], *off[:2]):
        (difference,) = re.findall(r"difference ([\d.e+-]+),", line)
        assert float(difference) < 1e-4


def test_no_process_is_left(tutorial: Tutorial) -> None:
    deadline = time.monotonic() + 60
    while left := left_of(tutorial):
        assert time.monotonic() < deadline, f"still there: {left}"
        time.sleep(0.05)


def left_of(tutorial: Tutorial) -> list[str]:
    """Processes that name the place where the page was followed."""
    place = str(tutorial.folder.parent).encode()
    return [one.name for one in Path("/proc").iterdir() if one.name.isdigit() and place in command_line(one)]


def command_line(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""
