"""The reference process is trusted, but it may die or be cut off: its owner then says so, in time, and takes nothing for an answer."""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest import mock

import pytest

from warploom.errors import ReferenceFailed
from warploom.judge.reference import channel as reference_channel
from warploom.judge.reference import process as reference
from warploom.sandbox.buffers import SharedBuffer
from warploom.testing.damage import damaged, odd_value
from warploom.testing.fuzz import Target, WrongPass
from warploom.values.problem import Problem, Reference, Tensor, Workload

SOURCE = Path(__file__).parent / "chaos_worker.c"
GREETING = b'{"floats": ["float32"]}'
DESCRIPTION = b'{"torch": "2"}'
ORACLE = b'{"outputs": [{"level": 0.5, "otherwise": false}]}'
ANSWERS = (GREETING, DESCRIPTION, b"{}", b"{}", ORACLE, b"{}", b"done")
WORKLOAD = Workload(n=4)


@functools.cache
def program() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    subprocess.run(["gcc", "-O1", "-o", str(folder / "chaos"), str(SOURCE)], check=True, timeout=120)
    return folder / "chaos"


def act(letter: str, text: bytes = b"") -> bytes:
    """One act of a script, see chaos_worker.c."""
    return letter.encode() + struct.pack("<H", len(text)) + text


def right(answers: tuple[bytes, ...] = ANSWERS) -> list[bytes]:
    """What a reference process does until all questions are answered."""
    acts = [act("s", answers[0])]
    for answer in answers[1:]:
        acts += [act("l"), act("s", answer)]
    return acts


def draw_script(rng: random.Random) -> bytes:
    acts = right()[: rng.randint(0, 2 * len(ANSWERS))]
    for _ in range(rng.randint(1, 3)):
        text = (
            damaged(rng, rng.choice(ANSWERS))
            if rng.random() < 0.6
            else json.dumps(odd_value(rng), default=str).encode()
        )
        letter = rng.choice("sssssdfcxqkp")
        acts.insert(rng.randint(max(0, len(acts) - 4), len(acts)), act(letter, text[:60000]))
    return b"".join(acts)


def check_script(script: bytes, seconds: float = 0.4) -> str:
    """What becomes of a reference process that follows this script; each answer is waited for so long."""
    free = os.dup(0)
    os.close(free)
    deadlines = [(reference, name) for name in ("START_SECONDS", "ORACLE_SECONDS", "COMPILE_SECONDS")]
    with contextlib.ExitStack() as patience:
        for module, name in (*deadlines, (reference_channel, "START_SECONDS")):
            patience.enter_context(mock.patch.object(module, name, seconds))
        name = patience.enter_context(tempfile.TemporaryDirectory())
        path = Path(name) / "problem.py"
        path.write_bytes(script)
        problem = Problem(
            "twice", ("n",), {"x": Tensor("n")}, {"out": Tensor("n")}, Reference(str(path), "twice", "0" * 64), [WORKLOAD]
        )  # fmt: skip
        try:
            outcome = ask(problem, Path(name), seconds)
        except ReferenceFailed as error:
            outcome = "failed" if str(error) else "failed without a word"
    after = os.dup(0)
    os.close(after)
    assert after == free, "a descriptor was left open"
    return outcome


def ask(problem: Problem, cache: Path, seconds: float) -> str:
    """Every kind of question once."""
    with SharedBuffer(64) as inputs, SharedBuffer(64) as a, SharedBuffer(64) as b, SharedBuffer(64) as c:
        with mock.patch.object(sys, "executable", str(program())):
            process = reference.ReferenceProcess(problem, cache)
        with process:
            found = process.oracle(WORKLOAD, inputs, [0], [(a, b, c)], 1)
            if len(found) != 1 or not isinstance(found[0][0], float):
                raise WrongPass(f"taken for an oracle: {found}")
            process.stage("eager", WORKLOAD, inputs, [[0]])
            return "answered" if process.run(seconds) > 0 else "in no time"


TARGETS = (Target("reference answers", draw_script, check_script, weight=0.05, few=8),)


PATIENCE = 30.0
"""For processes that answer at once: a busy machine may be late."""


def test_answers_that_went_wrong() -> None:
    assert "failed" in TARGETS[0].short_run()


def test_the_right_answers_are_taken() -> None:
    assert check_script(b"".join(right()), PATIENCE) == "answered"


@pytest.mark.parametrize(
    "wrong",
    [b"nonsense", b"[]", b"3", b'{"outputs": []}', b'{"outputs": [{"level": "x"}]}', b"\xff\xfe", b'{"error": 7}'],
)
def test_an_answer_that_is_none_is_a_failure(wrong: bytes) -> None:
    """Found: a JSON error, a missing key, or an oracle of no outputs."""
    assert check_script(b"".join(right((*ANSWERS[:4], wrong, *ANSWERS[5:]))), PATIENCE) == "failed"
