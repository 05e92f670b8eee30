"""``--root``, ``--scale`` and ``--trust`` reach every command that takes a problem, as part of its address."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer

from warploom.cli.addressed import addressed
from warploom.cli.main import BAD_INPUT, run

Captured = pytest.CaptureFixture[str]
CALLED: list[dict[str, Any]] = []
Problems = Annotated[list[str] | None, typer.Option("--problem")]


def one(problem: str, count: int = 3) -> None:
    CALLED.append({"problem": problem, "count": count})


def perhaps(folder: str, problem: str | None = None) -> None:
    CALLED.append({"folder": folder, "problem": problem})


def several(problem: Problems = None) -> None:
    CALLED.append({"problem": problem})


def call(command: Callable[..., Any], *words: str) -> dict[str, Any]:
    CALLED.clear()
    app = typer.Typer()
    app.command()(addressed(command))
    app(list(words), standalone_mode=False)
    (found,) = CALLED
    return found


def test_the_options_become_part_of_the_address(tmp_path: Path) -> None:
    words = ("kernelbench:1/2", "--scale", "full", "--root", str(tmp_path), "--trust", "--count", "4")
    assert call(one, *words) == {"problem": f"kernelbench:1/2?root={tmp_path}&scale=full&trust=yes", "count": 4}
    assert call(one, "softmax") == {"problem": "softmax", "count": 3}
    assert call(perhaps, "here", "--problem", "gpumode:x", "--scale", "full") == {
        "folder": "here",
        "problem": "gpumode:x?scale=full",
    }
    assert call(perhaps, "here") == {"folder": "here", "problem": None}
    two = ("--problem", "kernelbench:1/2", "--problem", "kernelbench:1/3", "--scale", "full")
    assert call(several, *two) == {"problem": ["kernelbench:1/2?scale=full", "kernelbench:1/3?scale=full"]}


def test_a_command_without_words_for_problems_is_left_alone() -> None:
    def file(problem: Path | None = None) -> None: ...

    def none(run: str) -> None: ...

    assert addressed(file) is file
    assert addressed(none) is none


@pytest.mark.parametrize("command", ["problems", "judge", "audit", "evolve", "verify", "recheck", "ask", "mcp"])
def test_every_command_that_takes_a_problem_has_the_options(command: str, capsys: Captured) -> None:
    run([command, "--help"])
    said = capsys.readouterr().out
    assert "--root DIR" in said
    assert "--scale" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["audit", "kernelbench:1/2", "--scale", "half"], "--scale half: known: auto, full"),
        (["judge", "softmax", "k.cpp", "--scale", "full"], "for problems in other formats, such as kernelbench:1/23"),
        (["problems", "kernelbench:1/2", "--root", "/nowhere"], "/nowhere is no KernelBench checkout"),
        (["problems", "kernelbench:1/2?scale=3"], "scale '3' is unknown; known: auto, full"),
        (["problems", "kernelbnch:1/2"], "did you mean kernelbench:1/2?"),
    ],
)
def test_what_cannot_be_used_is_one_line(words: list[str], said: str, capsys: Captured) -> None:
    assert run([*words, "--json"]) == BAD_INPUT
    found = capsys.readouterr()
    assert said in json.loads(found.out)["error"]
    assert found.err.count("\n") == 1


@pytest.mark.torch
def test_one_problem_is_shown(capsys: Captured) -> None:
    assert run(["problems", "softmax"]) == 0
    text = capsys.readouterr().out
    assert 'extern "C" void softmax(const float* x, float* out, int64_t rows, int64_t cols);' in text
    assert "[rows cols]" in text
    assert "held out" in text
    assert run(["problems", "softmax", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["name"] == "softmax"
    assert shown["file"].endswith("softmax/problem.py")
    assert shown["held_out"]
