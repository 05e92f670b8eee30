"""Configurations and command lines: any words and values are obeyed or refused in one line, with an exit code of three."""

from __future__ import annotations

import atexit
import contextlib
import functools
import io
import json
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warploom.cli import main
from warploom.cli.main import run
from warploom.errors import ConfigError
from warploom.testing.damage import damaged_text, odd_text, odd_value
from warploom.testing.fuzz import Target, refused
from warploom.testing.world import World
from warploom.values.config import RunConfig

PLAIN: dict[str, Any] = {
    "problem": "softmax",
    "evaluations": 5,
    "minutes": 1.5,
    "strategy": "greedy",
    "crossover": False,
    "start": "",
}
KEYS = [entry.name for entry in fields(RunConfig)]
READERS = ("show", "best", "diff", "resume", "follow")
STARTERS = ("evolve", "judge", "audit", "verify")
OPTIONS = (
    "--json",
    "--run",
    "--evaluations",
    "--seed",
    "--quiet",
    "-q",
    "--help",
    "--minutes",
    "--flag",
    "--strategy",
    "--nonsense",
    "--",
    "-",
    "--in-flight",
)
VALUES = (
    "5",
    "-1",
    "0",
    "nan",
    "inf",
    "1e999",
    "greedy",
    "x",
    "",
    "\udcff",
    "9" * 400,
    "best",
    "0123",
    "zzzz",
    "--json",
)
NOWHERE = ("no/such.py", "nothing", "", "/", ".", "/dev/null", "\udcff", "a\nb", "[/red]")


def draw_mapping(rng: random.Random) -> dict[Any, Any]:
    found = dict(PLAIN)
    for _ in range(rng.randint(1, 3)):
        key = rng.choice((rng.choice(KEYS), rng.choice(KEYS), damaged_text(rng, rng.choice(KEYS)), odd_value(rng, 0)))
        with contextlib.suppress(TypeError):
            found[key] = odd_value(rng)
    return found


def check_mapping(mapping: dict[Any, Any]) -> str:
    try:
        config = RunConfig.from_mapping(mapping)
    except ConfigError as error:
        return refused(error)
    assert RunConfig.from_mapping(json.loads(json.dumps(config.to_mapping()))) == config
    return "a configuration"


def draw_words(rng: random.Random) -> list[str]:
    """A command line that reads a run, or starts one that cannot start: its problem is nowhere."""
    command = rng.choice((*READERS, *STARTERS, odd_text(rng, 8), "problems"))
    place = "run" if command in READERS and rng.random() < 0.7 else rng.choice((*NOWHERE, odd_text(rng, 12)))
    words = (
        [command, place] if command in (*READERS, *STARTERS) else [command, *([place] if rng.random() < 0.3 else [])]
    )
    for _ in range(rng.randrange(4)):
        words.insert(
            rng.randint(1, len(words)), rng.choice((rng.choice(OPTIONS), rng.choice(VALUES), odd_text(rng, 8)))
        )
    return words


@functools.cache
def finished() -> Path:
    """The directory of a finished run."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with World(folder).begin(evaluations=6) as begun:
        begun.go()
    return folder / "run"


@contextlib.contextmanager
def beside_a_run() -> Iterator[None]:
    """A folder that holds a finished run called "run"."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        shutil.copytree(finished(), "run")
        yield


def check_words(words: list[str]) -> str:
    out, said = io.StringIO(), io.StringIO()
    with beside_a_run(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(said):
        code = run(words)
    assert code in (0, 1, 2), code
    assert "Traceback" not in said.getvalue()
    if code == 2:
        # Long words may be broken by the reader's terminal, never by us: one line, beginning with what it is.
        assert said.getvalue().startswith("error: ")
        assert said.getvalue().count("\n") == 1, said.getvalue()
        if "--json" in words:
            assert set(json.loads(out.getvalue().splitlines()[-1])) == {"error"}
    out.getvalue().encode(errors="surrogateescape")
    return f"exit code {code}"


TARGETS = (
    Target("configurations", draw_mapping, check_mapping, weight=10, few=300),
    Target("command lines", draw_words, check_words, weight=0.6, few=40),
)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_odd_words(target: Target) -> None:
    assert len(target.short_run()) > 1


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(
    st.dictionaries(
        st.sampled_from(KEYS), st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9))
    )
)
def test_any_values_of_known_keys(mapping: dict[str, Any]) -> None:
    check_mapping(mapping)
    check_mapping({**mapping, "problem": "softmax"})


def test_the_words_come_as_the_system_gives_them() -> None:
    assert sys.getfilesystemencodeerrors() == "surrogateescape"
    assert check_words(["show", "\udcff"]) == "exit code 2"


@pytest.mark.parametrize(("error", "said"), [(MemoryError(), "smaller"), (MemoryError("a buffer of 9 GB"), "9 GB")])
def test_too_little_memory_is_said(error: MemoryError, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found: a traceback."""

    def show() -> None:
        raise error

    monkeypatch.setattr(main, "_load", lambda name: show)
    heard = io.StringIO()
    with contextlib.redirect_stderr(heard):
        assert run(["show"]) == 1
    assert heard.getvalue().startswith("error: not enough memory: ")
    assert said in heard.getvalue()
