"""The four ways to follow a run: on a terminal, where there is none, quietly, and as one JSON object."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from warploom.cli.follow import follow
from warploom.cli.main import run
from warploom.testing.terminal import Terminal
from warploom.testing.world import World

EVALUATIONS = 30
Captured = pytest.CaptureFixture[str]


def followed(root: Path, name: str = "run", *, json: bool = False, quiet: bool = False) -> int:
    world = World(root)
    return follow(lambda note: world.begin(name, evaluations=EVALUATIONS), root / name, json=json, quiet=quiet)


@pytest.fixture(autouse=True)
def window(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"COLUMNS": "80", "LINES": "24", "TERM": "xterm"}.items():
        monkeypatch.setenv(name, value)


def test_on_a_terminal_one_block_is_drawn_anew_and_goes_when_the_run_ends(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal(80)
    monkeypatch.setattr(sys, "stderr", terminal)
    assert followed(tmp_path) == 0
    drawn = terminal.getvalue()
    for piece in ("twice", "best", f"{EVALUATIONS}/{EVALUATIONS}", "islands", "last gain", "█"):
        assert piece in drawn, piece
    assert terminal.page == [], "the view goes, the summary stays"
    assert terminal.cursor
    assert terminal.wrapped == []
    assert f"{EVALUATIONS} candidates judged" in capsys.readouterr().out


def test_where_there_is_no_terminal_a_line_tells_each_thing_that_matters(tmp_path: Path, capsys: Captured) -> None:
    assert followed(tmp_path) == 0
    out, err = capsys.readouterr()
    assert "\x1b" not in out + err
    lines = err.splitlines()
    assert lines[0].startswith(f"1/{EVALUATIONS}: ")
    assert lines[0].endswith("by the seed")
    assert any(": promoted " in line for line in lines)
    assert f"{EVALUATIONS} candidates judged" in out
    assert "promoted " not in out, "what happened is told aside"


def test_quietly_there_is_the_summary_alone(tmp_path: Path, capsys: Captured) -> None:
    assert followed(tmp_path, quiet=True) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert f"{EVALUATIONS} candidates judged" in out


def test_as_json_there_is_one_object_and_progress_aside(tmp_path: Path, capsys: Captured) -> None:
    assert followed(tmp_path, json=True) == 0
    out, err = capsys.readouterr()
    assert "promoted " in err, "whoever waits for minutes sees that something goes on"
    assert len(out.splitlines()) == 1
    assert followed(tmp_path, "silent", json=True, quiet=True) == 0
    assert capsys.readouterr().err == ""
    found = json.loads(out)
    assert (found["evaluations"], found["finished"]) == (EVALUATIONS, True)
    assert run(["show", str(tmp_path / "run"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == found, "the same object again, whenever it is asked for"
