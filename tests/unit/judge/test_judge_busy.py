"""What the machine does for others is seen, waited for, and not waited for again and again."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial

import pytest

from warploom.judge.machine import busy
from warploom.judge.machine.busy import DISTURBED_SHARE, Bystanders, Quiet
from warploom.sandbox.freezer import processor_ns

TICKS = os.sysconf("SC_CLK_TCK")


def ticks(monkeypatch: pytest.MonkeyPatch, *values: tuple[int, int] | None) -> None:
    left = iter(values)
    monkeypatch.setattr(busy, "_ticks", lambda: next(left))


def test_what_the_measurement_uses_itself_is_not_at_work_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks(monkeypatch, (100, 1000), (160, 1200))  # 200 ticks in all, 140 of them at work
    own = iter([5_000_000, 5_000_000 + 100 * 1_000_000_000 // TICKS])  # 100 ticks of them our own
    assert Bystanders([lambda: next(own)]).share() == pytest.approx(0.2)


@pytest.mark.parametrize("after", [None, (100, 1000)])
def test_what_cannot_be_read_is_not_guessed(after: tuple[int, int] | None, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks(monkeypatch, (100, 1000), after)
    assert Bystanders().share() is None


@pytest.fixture
def burner() -> Iterator[int]:
    code = "import sys; print(1, flush=True)\nwhile True: sum(range(1000))"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.kill()


def test_a_real_process_is_a_bystander_unless_it_is_ours(burner: int) -> None:
    used = partial(processor_ns, burner)
    others, before = Bystanders(), used()
    less = Bystanders([used])
    time.sleep(0.5)
    spent = used() - before
    whole = others.share()
    rest = less.share()
    assert whole is not None
    assert rest is not None
    assert spent > 0
    assert whole > rest


def test_quiet_is_waited_for_and_a_vain_wait_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    shares = iter([0.9, 0.5, DISTURBED_SHARE / 2])
    monkeypatch.setattr(busy, "busy_share", lambda seconds: next(shares))
    assert Quiet(seconds=5.0).wait()
    asked = 0

    def loud(seconds: float) -> float:
        nonlocal asked
        asked += 1
        time.sleep(0.1)
        return 0.9

    monkeypatch.setattr(busy, "busy_share", loud)
    quiet = Quiet(seconds=0.3, patience=600.0)
    assert not quiet.wait()
    before = asked
    assert before >= 1
    assert not quiet.wait()
    assert asked == before, "it waited in vain a moment ago"
    assert not Quiet(seconds=0.05, patience=0.0).wait()
    assert asked > before
