"""What `evolve` and `resume` make of their words, without a run."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from warploom.cli import evolve as command
from warploom.cli import resume
from warploom.cli.main import BAD_INPUT, run
from warploom.values.config import RunConfig

Captured = pytest.CaptureFixture[str]

NOT_ON_THE_COMMAND_LINE: set[str] = set()
OPTIONS: dict[str, tuple[list[str], Any]] = {
    "problem": ([], "softmax"),
    "target": (["--target", "cpp"], "cpp"),
    "evaluations": (["--evaluations", "7"], 7),
    "minutes": (["--minutes", "1.5"], 1.5),
    "patience": (["--patience", "9"], 9),
    "target_speedup": (["--target-speedup", "2.5"], 2.5),
    "target_roofline": (["--target-roofline", "0.8"], 0.8),
    "seed": (["--seed", "3"], 3),
    "strategy": (["--strategy", "greedy"], "greedy"),
    "islands": (["--islands", "4"], 4),
    "crossover": (["--no-crossover"], False),
    "bandit": (["--no-bandit"], False),
    "start": (["--start", "seed.cpp"], "seed.cpp"),
    "in_flight": (["--in-flight", "3"], 3),
    "proposer": (["--proposer", "moves"], "moves"),
    "models": (["--model", "a,price=1/2", "--model", "b,price=1/2"], ("a,price=1/2", "b,price=1/2")),
    "base_url": (["--base-url", "http://127.0.0.1:1/v1"], "http://127.0.0.1:1/v1"),
    "max_tokens_total": (["--max-tokens-total", "1000"], 1000),
    "max_usd": (["--max-usd", "1.5"], 1.5),
    "max_requests": (["--max-requests", "12"], 12),
    "attempt_seconds": (["--attempt-seconds", "20"], 20.0),
    "answer_seconds": (["--answer-seconds", "60"], 60.0),
    "prompts": (["--prompts", "prompts"], "prompts"),
    "replay": (["--replay", "runs/softmax-1"], "runs/softmax-1"),
}


class Started:
    config: RunConfig
    folder: Path
    json: bool
    quiet: bool


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Started:
    seen = Started()

    def start(folder: Path, config: RunConfig, *, progress: Callable[[str], None]) -> None:
        seen.config = config
        progress("starting")

    def follow(open_run: Callable[..., object], folder: Path, *, json: bool, quiet: bool) -> int:
        seen.folder, seen.json, seen.quiet = folder, json, quiet
        open_run(lambda line: None)
        return 0

    monkeypatch.setattr(command, "start", start)
    monkeypatch.setattr(command, "follow", follow)
    monkeypatch.setattr(resume, "follow", follow)
    monkeypatch.setattr(resume, "reopen", lambda folder, progress: progress("reading"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "seed.cpp").touch()
    (tmp_path / "prompts").mkdir()
    return seen


def test_every_key_of_a_run_is_an_option_or_known_not_to_be() -> None:
    assert {entry.name for entry in fields(RunConfig)} == set(OPTIONS) | NOT_ON_THE_COMMAND_LINE


@pytest.mark.parametrize("key", OPTIONS)
def test_an_option_reaches_the_configuration(key: str, started: Started) -> None:
    words, value = OPTIONS[key]
    assert run(["evolve", "softmax", *words]) == 0
    found = getattr(started.config, key)
    assert found == (str(Path(value).absolute()) if key in {"start", "prompts", "replay"} else value)


def test_without_options_the_configuration_has_its_own_defaults(started: Started) -> None:
    assert run(["evolve", "softmax"]) == 0
    assert started.config == RunConfig(problem="softmax", proposer="auto")


def test_runs_are_numbered_unless_a_directory_is_given(started: Started, tmp_path: Path) -> None:
    assert run(["evolve", "softmax"]) == 0
    assert started.folder == Path("runs/softmax-1")
    (tmp_path / "runs" / "softmax-1").mkdir(parents=True)
    assert run(["evolve", "softmax", "--json", "--quiet"]) == 0
    assert started.folder == Path("runs/softmax-2")
    assert (started.json, started.quiet) == (True, True)
    assert run(["evolve", "softmax", "--run", "here"]) == 0
    assert started.folder == Path("here")
    assert (started.json, started.quiet) == (False, False)


def test_resume_takes_the_directory(started: Started) -> None:
    assert run(["resume", "here", "--json", "-q"]) == 0
    assert (started.folder, started.json, started.quiet) == (Path("here"), True, True)


def test_a_file_where_runs_should_go_is_bad_input(started: Started, tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "runs").touch()
    assert run(["evolve", "softmax", "--json"]) == BAD_INPUT
    assert "--run DIR" in json.loads(capsys.readouterr().out)["error"]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["softmaxx"], "softmax"),
        (["nothing.py"], "nothing.py"),
        (["softmax", "--start", "nothing.cpp"], "nothing.cpp"),
        (["softmax", "--strategy", "greedi"], "'greedy'"),
        (["softmax", "--target", "sycl"], "cpp"),
        (["softmax", "--evaluations", "0"], "evaluations"),
        (["softmax", "--minutes", "-1"], "minutes"),
        (["softmax", "--prompts", "nowhere"], "nowhere"),
        (["softmax", "--proposer", "lmm"], "'llm'"),
        (["softmax", "--model", "m,temprature=1"], "'temperature'"),
        (["softmax", "--model", "m", "--max-usd", "1"], "price unknown: --max-usd cannot hold for m"),
    ],
)
def test_bad_words_are_one_clear_line(words: list[str], named: str, started: Started, capsys: Captured) -> None:
    assert run(["evolve", *words, "--json"]) == BAD_INPUT
    said = capsys.readouterr()
    assert named in json.loads(said.out)["error"]
    assert len(said.err.splitlines()) == 1
