"""Logs and diagnostics: whatever a compiler or a kernel prints, it is counted, cut and shown, and steers no terminal."""

from __future__ import annotations

import io
import random
import signal
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from warploom.report.evaluation import evaluation_object, render
from warploom.sandbox.autopsy import cause_of_death
from warploom.sandbox.limits import Limits
from warploom.testing.damage import damaged, damaged_text, odd_text
from warploom.testing.fuzz import Target, refused
from warploom.toolchain.cpp_facts import vectorisation
from warploom.values.outcome import FAILURE_KINDS, STAGES, Failed
from warploom.values.plain_text import printable

REPORT = """kernel.cpp:12:34: optimized: loop vectorized using 64 byte vectors
/tmp/x/kernel.cpp:15:9: missed: couldn't vectorize loop
kernel.cpp:16:9: missed: not vectorized: no vectype for stmt
kernel.cpp: In function 'void f(const float*, float*, int64_t)':
kernel.cpp:3:5: error: expected ';' before '}' token
"""
WORDS = (
    "std::bad_alloc",
    "MemoryError",
    "[red]",
    "[/red]",
    "[link=x]",
    "\x1b[2J",
    "\x1b]0;title\x07",
    "\r",
    "\x08" * 9,
    "error:",
    "kernel.cpp:1:1:",
)


@dataclass(frozen=True)
class Ending:
    """How a worker ended and what it had printed."""

    status: int | None
    log: bytes
    peak_bytes: int
    bubblewrap: bool


def draw_ending(rng: random.Random) -> Ending:
    status = rng.choice((None, 0, 1, rng.randint(-70, 300), -int(signal.SIGKILL), 128 + int(signal.SIGSYS)))
    log = (
        damaged(rng, REPORT.encode())
        if rng.random() < 0.5
        else damaged_text(rng, REPORT, WORDS).encode(errors="replace")
    )
    return Ending(status, log, rng.choice((0, 1 << 20, 1 << 40)), rng.random() < 0.5)


def check_ending(ending: Ending) -> str:
    log = printable(ending.log.decode(errors="replace"))
    kind, message = cause_of_death(ending.status, log, ending.peak_bytes, Limits(), ending.bubblewrap)
    assert kind in FAILURE_KINDS
    refused(Exception(message))
    shown(Failed("verify", kind, message, log))
    return kind


def shown(failed: Failed) -> str:
    """What people see of a failure; it must hold the message whole and nothing that steers a terminal."""
    room = io.StringIO()
    Console(file=room, width=100, force_terminal=False).print(render(failed))
    text = room.getvalue()
    assert printable(text) == text
    assert "".join(failed.message.split()) in "".join(text.split())
    assert evaluation_object(failed)["message"] == failed.message
    return text


def draw_report(rng: random.Random) -> str:
    return damaged_text(rng, REPORT * rng.choice((1, 3)), WORDS) if rng.random() < 0.8 else odd_text(rng, 300)


def check_report(text: str) -> str:
    found = vectorisation(text, "kernel.cpp")
    assert set(found) == {"vectorised_loops", "missed_loops"}
    assert all(0 <= count <= text.count("\n") + 1 for count in found.values())
    shown(
        Failed(
            "build",
            "compile_error",
            printable(odd_text(random.Random(text), 30)).replace("\n", " ") or "x",
            printable(text),
        )
    )
    return "some loops" if any(found.values()) else "no loops"


TARGETS = (
    Target("endings", draw_ending, check_ending, weight=2, few=100),
    Target("compiler reports", draw_report, check_report, weight=2, few=100),
)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_odd_logs(target: Target) -> None:
    assert len(target.short_run()) > 1


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(st.sampled_from(STAGES), st.sampled_from(FAILURE_KINDS), st.text(min_size=1, max_size=80), st.text(max_size=200))
def test_any_failure_can_be_shown(stage: str, kind: str, message: str, log: str) -> None:
    shown(Failed(stage, kind, printable(message), printable(log)))
