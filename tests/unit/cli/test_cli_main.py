from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from warploom import __version__
from warploom.cli import main as cli
from warploom.errors import ConfigError, ReferenceFailed

Captured = pytest.CaptureFixture[str]


def put_in_place(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def doctor(json: bool = False) -> int:
        raise error

    monkeypatch.setattr(cli, "_load", lambda name: doctor)


def test_version(capsys: Captured) -> None:
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out == f"warploom {__version__}\n"


def test_no_words_print_the_help(capsys: Captured) -> None:
    assert cli.run([]) == 0
    text = capsys.readouterr().out
    for name, summary in cli.COMMANDS.items():
        assert name in text
        assert summary in text


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["evolv"], "evolv"),
        (["--nope"], "--nope"),
        (["doctor", "--nope"], "--nope"),
        (["evolve"], "PROBLEM"),
        (["evolve", "softmax", "--evaluations", "many"], "--evaluations"),
    ],
)
def test_words_that_cannot_be_parsed_are_one_line_and_two(words: list[str], named: str, capsys: Captured) -> None:
    assert cli.run(words) == cli.BAD_INPUT
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.strip().splitlines()) == 1
    assert named in said.err


def test_bad_words_with_json_are_an_object_too(capsys: Captured) -> None:
    assert cli.run(["doctor", "--nope", "--json"]) == cli.BAD_INPUT
    assert "--nope" in json.loads(capsys.readouterr().out)["error"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("evaluations is 0"), 2),
        (ReferenceFailed("PyTorch died"), 1),
        (PermissionError(13, "Permission denied", "/here"), 2),
        (KeyboardInterrupt(), 130),
    ],
)
def test_errors_are_one_line_never_a_traceback(
    error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    put_in_place(monkeypatch, error)
    assert cli.run(["doctor", "--json"]) == code
    said = capsys.readouterr()
    assert said.err.startswith("error: ")
    assert len(said.err.strip().splitlines()) == 1
    assert json.loads(said.out)["error"] in said.err


def test_an_error_with_brackets_is_printed_as_it_is(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    put_in_place(monkeypatch, ConfigError("x [bold]y[/bold] [/nope]"))
    assert cli.run(["doctor"]) == 2
    assert "x [bold]y[/bold] [/nope]" in capsys.readouterr().err


def test_a_fault_of_ours_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    put_in_place(monkeypatch, ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        cli.run(["doctor"])


def test_a_reader_that_leaves_is_not_complained_about(tmp_path: Path) -> None:
    many = "from warploom.cli import main\nmain._load = lambda name: lambda: print('x' * 1000000)\n"
    code = f"{many}import sys\nsys.exit(main.run(['doctor']))"
    script = tmp_path / "many.py"
    script.write_text(code)
    command = f"{sys.executable} {script} | head -c 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
