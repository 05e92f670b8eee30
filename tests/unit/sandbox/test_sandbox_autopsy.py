"""How the end of a worker is read, and how freezing is seen."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from warploom.sandbox.autopsy import WorkerFailed, cause_of_death
from warploom.sandbox.freezer import freeze, private_bytes
from warploom.sandbox.limits import MIB, Limits
from warploom.values.outcome import FAILURE_KINDS, STAGES
from warploom.values.plain_text import printable


@pytest.mark.parametrize(
    ("status", "log", "peak", "kind"),
    [
        (-signal.SIGSEGV, "", 0, "crash"),
        (-signal.SIGABRT, "", 0, "crash"),
        (-signal.SIGABRT, "what():  std::bad_alloc", 0, "out_of_memory"),
        (-signal.SIGSEGV, "", 100 * MIB, "out_of_memory"),
        (-signal.SIGKILL, "", 0, "out_of_memory"),
        (-signal.SIGSYS, "", 0, "limit"),
        (-signal.SIGXCPU, "", 0, "limit"),
        (-signal.SIGXFSZ, "", 0, "limit"),
        (0, "", 0, "crash"),
        (3, "", 0, "crash"),
        (None, "", 0, "crash"),
        (-64, "", 0, "crash"),
    ],
)
def test_the_kind_follows_from_the_evidence(status: int | None, log: str, peak: int, kind: str) -> None:
    limits = Limits(memory_bytes=128 * MIB)
    assert cause_of_death(status, log, peak, limits, under_bubblewrap=False)[0] == kind
    if status is not None and status < 0:
        assert cause_of_death(128 - status, log, peak, limits, under_bubblewrap=True)[0] == kind
    assert kind in FAILURE_KINDS


def test_an_exit_status_is_a_signal_only_under_bubblewrap() -> None:
    assert "status 139" in cause_of_death(139, "", 0, Limits(), under_bubblewrap=False)[1]
    assert "SIGSEGV" in cause_of_death(139, "", 0, Limits(), under_bubblewrap=True)[1]


def test_a_failure_becomes_a_value_that_knows_its_stage() -> None:
    loading = WorkerFailed("crash", "m", "log", "load").failed("verify")
    assert (loading.stage, loading.kind, loading.message, loading.log_tail) == ("load", "crash", "m", "log")
    calling = WorkerFailed("crash", "m").failed("verify", {"jail": "x"})
    assert calling.stage == "verify"
    assert calling.environment == {"jail": "x"}
    assert loading.stage in STAGES


def test_what_would_steer_a_terminal_is_taken_out() -> None:
    assert printable("a\tb\nc \033[2J \x07 é") == "a\tb\nc \ufffd[2J \ufffd é"


def test_a_frozen_process_is_stopped_in_all_its_threads() -> None:
    code = """
import threading, sys
def spin():
    while True: pass
for _ in range(3): threading.Thread(target=spin, daemon=True).start()
print("up", flush=True)
spin()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        descriptor = os.pidfd_open(process.pid)
        try:
            assert process.stdout
            process.stdout.readline()
            assert freeze(process.pid, descriptor)
            states = []
            for thread in os.listdir(f"/proc/{process.pid}/task"):  # noqa: PTH208
                with open(f"/proc/{process.pid}/task/{thread}/stat") as file:  # noqa: PTH123
                    states.append(file.read().rpartition(")")[2].split()[0])
            assert states == ["T"] * 4
            assert private_bytes(process.pid) > 0
        finally:
            process.kill()
            process.wait()
        assert private_bytes(process.pid) == 0
        with pytest.raises(ProcessLookupError):
            freeze(process.pid, descriptor)
        os.close(descriptor)
