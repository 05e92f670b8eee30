"""Cores of a process that is looked at."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from warploom.sandbox import freezer

pytestmark = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core cannot be shared out")

THREADS = """
import threading, sys
stop = threading.Event()
for _ in range(2):
    threading.Thread(target=stop.wait, daemon=True).start()
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def threads() -> Iterator[list[int]]:
    with subprocess.Popen(
        [sys.executable, "-c", THREADS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield [int(name) for name in os.listdir(f"/proc/{process.pid}/task")]  # noqa: PTH208
        assert process.stdin is not None
        process.stdin.close()


def test_who_looks_has_a_core_and_every_thread_is_off_it(threads: list[int]) -> None:
    cores = os.sched_getaffinity(0)
    bound = {min(cores)}
    os.sched_setaffinity(threads[-1], bound)
    with freezer.aside(threads[0]):
        own = os.sched_getaffinity(0)
        assert len(own) == 1
        assert [os.sched_getaffinity(thread) for thread in threads] == [cores - own] * 3
    assert os.sched_getaffinity(0) == cores
    assert [os.sched_getaffinity(thread) for thread in threads] == [cores, cores, bound]


def test_a_process_that_is_gone_is_no_trouble(threads: list[int]) -> None:
    cores = os.sched_getaffinity(0)
    with freezer.aside(1 << 30):
        pass
    assert os.sched_getaffinity(0) == cores
