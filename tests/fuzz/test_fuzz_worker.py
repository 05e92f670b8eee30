"""What a worker may say and do: nothing it says ends its owner, keeps it waiting, or is taken for a right result."""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import random
import shutil
import socket
import struct
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warploom.judge.comparison.compare import Expected
from warploom.judge.content.guards import poison
from warploom.judge.content.layout import Layout, Region
from warploom.judge.correctness.oracle import inspect
from warploom.sandbox import wire
from warploom.sandbox.autopsy import WorkerFailed
from warploom.sandbox.buffers import SharedBuffer
from warploom.sandbox.candidate_process import Call, CandidateProcess
from warploom.sandbox.jail import Jail, find_jail
from warploom.sandbox.limits import Limits
from warploom.testing.damage import damaged
from warploom.testing.fuzz import Target, WrongPass, refused
from warploom.values.outcome import FAILURE_KINDS
from warploom.values.plain_text import printable

HERE = Path(__file__).parent
TOKEN = "f00dfeedf00dfeed"
HONEST = (
    f"{TOKEN} ok",
    f"{TOKEN} failed load_error no such file",
    f"{TOKEN} failed out_of_memory ",
    "hello 2",
    f"{TOKEN} okay",
)
COUNT = 64
LAYOUT = Layout((Region("out", "float32", (COUNT,), 4096, 4 * COUNT),), 4096 + 4 * COUNT + 4096)
EXPECTED = (Expected(np.linspace(1, 2, COUNT, dtype="f4"), np.full(COUNT, 1e-6, dtype="f4")),)


# ---------------------------------------------------------------- single messages


@dataclass(frozen=True)
class Message:
    """One message, and descriptors beside it."""

    data: bytes
    descriptors: int
    greeting: bool


def draw_message(rng: random.Random) -> Message:
    match rng.randrange(6):
        case 0:
            data = rng.randbytes(rng.randint(1, 300))
        case 1:
            data = rng.choice(HONEST).encode() * rng.choice((1, 2, 2000, 3500, 4000))
        case 2:
            data = rng.choice(HONEST).encode()[: rng.randint(1, 24)]
        case 3:
            data = TOKEN.encode() + b" failed " + rng.randbytes(rng.randint(0, 70000))
        case 4:
            data = rng.choice(HONEST).encode()
        case _:
            data = damaged(rng, rng.choice(HONEST).encode())
    return Message(data[:100000] or b"\0", rng.choice((0, 0, 1, 60)), rng.random() < 0.4)


def check_message(message: Message) -> str:
    free = os.dup(0)
    os.close(free)
    ours, theirs = wire.pair()
    with ours, theirs:
        if message.greeting:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        socket.send_fds(theirs, [message.data], [0] * message.descriptors)
        assert wire.pending(ours) == message.data[:80]
        try:
            if message.greeting:
                own, inside = wire.receive_hello(ours)
                if message.data.split()[0] != b"hello" or own != os.getpid():
                    raise WrongPass(f"taken for a greeting: {message.data!r}")
                outcome = f"greeting of {'2' if inside == 2 else 'another'}"
            else:
                reply = wire.receive_reply(ours, TOKEN)
                if not reply.kind and message.data != f"{TOKEN} ok".encode():
                    raise WrongPass(f"taken for success: {message.data[:40]!r}")
                outcome = "failed" if reply.kind else "ok"
        except wire.ProtocolError:
            outcome = "protocol error"
    after = os.dup(0)
    os.close(after)
    assert after == free, "a descriptor was left open"
    return outcome


# ---------------------------------------------------------------- a whole worker that follows a script


@functools.cache
def compiled(source: str, *flags: str) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    made = folder / source.partition(".")[0]
    compiler = "g++" if source.endswith("pp") else "gcc"
    subprocess.run([compiler, "-O1", *flags, "-o", str(made), str(HERE / source)], check=True, timeout=120)
    return made


class Chaos(Jail):
    """No jail at all: a program that follows the script it is given as its artifact."""

    def command(self, channel_fd: int, artifact_fd: int, limits: Limits) -> list[str]:
        return [str(compiled("chaos_worker.c")), str(channel_fd), str(artifact_fd)]


def act(letter: str, text: bytes = b"") -> bytes:
    """One act of a script."""
    return letter.encode() + struct.pack("<H", len(text)) + text


def draw_script(rng: random.Random) -> bytes:
    """Mostly what a worker does, up to a moment; then anything."""
    honest = [act("h"), *[act("l"), act("s", b"%T ok")] * 3]
    kept = honest[: rng.choice((0, 1, 1, 2, 2, 3, 4, 5, 6, 7))]
    wild = [
        rng.choice(("h", "l", "s", "s", "s", "d", "f", "i", "p", "w", "z", "c", "x", "q", "k"))
        for _ in range(rng.randrange(5))
    ]
    for letter in wild:
        text = rng.choice(
            (b"%T ok", b"%T failed crash x", b"%T", b"ok", b"hello 1", b"%T ok ", b"", damaged(rng, b"%T ok"))
        )
        if letter in "pqkzx" or rng.random() < 0.3:
            text = rng.randbytes(rng.choice((1, 1, 2, 40, 3000, 60000)))
        place = len(kept) if rng.random() < 0.8 else rng.randrange(len(kept) + 1)
        kept.insert(place, act(letter, text))
    if rng.random() < 0.5:
        kept.append(act("w", rng.randbytes(rng.choice((1, 4, 97)))))
    kept.append(act("a") if rng.random() < 0.6 else b"")
    script = b"".join(kept)
    return damaged(rng, script, 2) if rng.random() < 0.1 else script


def judged(
    artifact: Path, jail: Jail, limits: Limits, more: tuple[tuple[str, int], ...] = (), deadline_s: float = 1.0
) -> str:
    """Do with this worker what a judge does; every end but a failure is a finding."""
    free = os.dup(0)
    os.close(free)
    said = ""
    try:
        with (
            SharedBuffer(64 * COUNT) as source,
            SharedBuffer(LAYOUT.size_bytes) as sink,
            CandidateProcess(artifact, "kernel", jail, limits) as process,
        ):
            outcome = ""
            for _ in range(2):
                laid = poison(sink, LAYOUT, np.random.default_rng(7))
                process.stage([Call(source, sink, (("input", 0), ("output", 4096), ("axis", COUNT), *more))])
                process.run(deadline_s)
                _, rejection = inspect(sink, LAYOUT, laid, EXPECTED)
                if rejection is None:
                    raise WrongPass("outputs that nobody computed were taken for right")
                outcome = outcome or rejection[0]
    except WorkerFailed as error:
        refused(Exception(error.message))
        outcome, said = error.kind, error.message + error.log_tail
    assert printable(said) == said
    assert outcome in FAILURE_KINDS
    after = os.dup(0)
    os.close(after)
    assert after == free, "a descriptor was left open"
    with contextlib.suppress(ChildProcessError):
        assert os.waitpid(-1, os.WNOHANG) == (0, 0), "a process was left behind"
    return outcome


def check_script(script: bytes, seconds: float = 0.4) -> str:
    """What becomes of a worker that follows this script; it is waited for so long."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(script)
        file.flush()
        limits = Limits(start_seconds=seconds, output_bytes=4096)
        return judged(Path(file.name), Chaos("chaos", ()), limits, deadline_s=seconds)


# ---------------------------------------------------------------- a real worker with a kernel that babbles


def draw_seed(rng: random.Random) -> int:
    return rng.getrandbits(62)


def check_babble(seed: int) -> str:
    artifact = compiled("babbler.cpp", "-fPIC", "-shared")
    return judged(artifact, find_jail(), Limits(), (("axis", seed),))


TARGETS = (
    Target("messages", draw_message, check_message, weight=20, few=400),
    Target("scripted workers", draw_script, check_script, weight=0.8, few=30),
    Target("babbling kernels", draw_seed, check_babble, weight=0.06, few=4),
)


PATIENCE = 30.0
"""For workers that answer at once: a busy machine may be late."""


def test_single_messages() -> None:
    assert set(TARGETS[0].short_run()) >= {"protocol error", "ok", "failed", "greeting of 2"}


def test_workers_that_follow_a_script() -> None:
    assert set(TARGETS[1].short_run()) & {"unwritten_output", "wrong_result", "out_of_bounds"}


def test_an_honest_script_gets_as_far_as_the_outputs() -> None:
    assert check_script(act("h") + act("a"), PATIENCE) == "unwritten_output"
    written = act("h") + act("l") + act("s", b"%T ok") + act("l") + act("w", b"\x7f") + act("s", b"%T ok") + act("a")
    assert check_script(written, PATIENCE) == "out_of_bounds"


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (act("h") + act("l") + act("s", b"%T ok") + act("s", b"%T ok") + act("a"), "protocol"),
        (act("h") + act("l") + act("d", b"%T ok"), "crash"),
        (act("h") + act("l") + act("c") + act("z", b"\xff") * 9, "crash"),
        (act("h") + act("l") + act("p", b"\xff" * 3000) + act("a"), "limit"),
        (act("z", b"\xff") * 9, "timeout"),
        (act("q", b"\x03"), "crash"),
    ],
)
def test_what_a_worker_did_is_told(script: bytes, kind: str) -> None:
    assert check_script(script, 0.4 if kind == "timeout" else PATIENCE) == kind


def test_kernels_that_babble_on_every_socket() -> None:
    TARGETS[2].short_run()


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(st.binary(min_size=1, max_size=100), st.integers(0, 3), st.booleans())
def test_any_message(data: bytes, descriptors: int, greeting: bool) -> None:
    check_message(Message(data, descriptors, greeting))
