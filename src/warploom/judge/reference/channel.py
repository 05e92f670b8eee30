"""The PyTorch process as its parent holds it: started, asked, waited for, ended.

A problem file of the user's own runs in it as the user; somebody else's runs in a jail. Whatever it answers is its own
word about its own problem, and the clock stays here.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from warploom.errors import ProblemError, ReferenceFailed, WrongReference
from warploom.problems.apart import end
from warploom.problems.jail import SCRATCH, start_of
from warploom.problems.trust import is_foreign_file
from warploom.sandbox import wire
from warploom.sandbox.threads import openmp
from warploom.values.keys import without_keys

START_SECONDS = 120.0
MESSAGE_BYTES = 1 << 18
MOST_PRINTED_BYTES = 16 << 20
"""A process that prints more is ended at its next answer."""


def environment(cache: Path, device: str = "") -> dict[str, str]:
    """Settings of the reference process, recorded with the baselines; it sees GPUs only where it shall compute on one.

    Threads as a candidate has them, see :func:`warploom.sandbox.threads.openmp`. A malloc that returns memory to the
    system would make eager pay page faults for each fresh output, and candidates look up to four times better than
    they are.
    """
    return {
        **openmp(),
        "MALLOC_MMAP_MAX_": "0",
        "MALLOC_TRIM_THRESHOLD_": "17179869184",
        "MALLOC_TOP_PAD_": "67108864",
        "TORCHINDUCTOR_CACHE_DIR": str(cache / "inductor"),
        "TORCHINDUCTOR_COMPILE_THREADS": "1",
        **({"CUDA_DEVICE_ORDER": "PCI_BUS_ID"} if device else {"CUDA_VISIBLE_DEVICES": ""}),
    }


class ReferenceChannel:
    """Starts the process of a problem file, and carries questions and answers.

    Args:
        path: the problem file.
        cache: where ``torch.compile`` keeps what it built for a file of the user's own.
        device: PyTorch's name of the device to compute on; "" for the processor.

    Raises:
        ReferenceFailed: it did not start, or the problem file cannot be run.
        ProblemError: the file holds somebody else's program, and there is no jail for it, or none with a GPU.
    """

    def __init__(self, path: Path, cache: Path, device: str = "") -> None:
        foreign = is_foreign_file(path)
        if foreign and device:
            said = "its program runs in a jail, which shows no GPU; write it as a problem file of your own"
            raise ProblemError(f"{path}: somebody else's program is not judged on a GPU: {said}")
        self._path = path
        self._inside = bool(device)
        self.settings = environment(cache, device)
        if foreign:
            self.settings["TORCHINDUCTOR_CACHE_DIR"] = SCRATCH
        else:
            (cache / "inductor").mkdir(parents=True, exist_ok=True)
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close()
        try:
            with theirs:
                arguments = ["-m", "warploom.judge.reference.server", str(theirs.fileno()), str(path)]
                arguments += [device] if device else []
                start = start_of(arguments, without_keys(os.environ), foreign=foreign, shown=[path])
                self._channel.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * MESSAGE_BYTES)
                # Before it starts: the first message tells its number here, which bubblewrap would hide.
                self._channel.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
                self._process = subprocess.Popen(
                    start.command,
                    stdin=subprocess.DEVNULL,
                    stdout=self._log,
                    stderr=self._log,
                    pass_fds=(theirs.fileno(),),
                    env=start.environment | self.settings,
                    start_new_session=True,
                )
        except BaseException:
            self._channel.close()
            self._log.close()
            raise
        self.pid = self._process.pid
        """Number of the process that computes, as this machine counts."""
        self._poll = select.poll()
        self._poll.register(self._channel, select.POLLIN)
        try:
            self._wait(START_SECONDS, "starting")
            space = socket.CMSG_SPACE(wire.CREDENTIALS_BYTES)
            self.pid = wire.sender_of(self._channel.recvmsg(1, space, socket.MSG_PEEK)[1]) or self.pid
            self._channel.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
            self._receive(START_SECONDS, "starting")
        except BaseException:
            self.close()
            raise

    @property
    def alive(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    def ask(self, verb: str, deadline_s: float, descriptors: Sequence[int] = (), **details: Any) -> dict[str, Any]:
        """What it answers to a question.

        Raises:
            WrongReference: it says that the reference raises, or does not return what the problem declares.
            ReferenceFailed: it answers with another error, with nonsense, or not in time.
        """
        self._send(json.dumps({"ask": verb, **details}).encode(), descriptors)
        return self._receive(deadline_s, verb)

    def go(self, deadline_s: float) -> int:
        """Have the staged calls made; nanoseconds on this process's clock from asking to the answer.

        A process that computes on a device times inside, and its figure is the one that is given.

        Raises:
            ReferenceFailed: it answers something else, or not in time.
        """
        begin = time.perf_counter_ns()
        self._send(b"go", [])
        self._wait(deadline_s, "running the reference")
        elapsed = time.perf_counter_ns() - begin
        word, _, told = self._read(64).partition(b" ")
        if word != b"done" or bool(told) != self._inside:
            raise self._failed("running the reference")
        return int(told) if told else elapsed

    def kill(self) -> None:
        """End the process now, from whatever thread; whoever waits for it gets a :class:`ReferenceFailed`."""
        end(self._process)

    def close(self) -> None:
        """End the process and give everything back. May be called again."""
        self.kill()
        self._process.wait()
        self._channel.close()
        self._log.close()

    def _send(self, data: bytes, descriptors: Sequence[int]) -> None:
        try:
            if descriptors:
                socket.send_fds(self._channel, [data], list(descriptors))
            else:
                self._channel.send(data)
        except OSError:
            raise self._failed("asking") from None

    def _receive(self, deadline_s: float, doing: str) -> dict[str, Any]:
        self._wait(deadline_s, doing)
        data = self._read(MESSAGE_BYTES)
        if not data:
            raise self._failed(doing)
        if os.fstat(self._log.fileno()).st_size > MOST_PRINTED_BYTES:
            self.kill()
            raise ReferenceFailed(f"the reference process printed more than {MOST_PRINTED_BYTES >> 20} MiB ({doing})")
        try:
            answer = json.loads(data)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise ReferenceFailed(f"the reference process said what it never says ({doing}): {data[:80]!r}")
        if answer.get("wrong") is True:
            raise WrongReference(f"{self._path}: {answer.get('error')}")
        if "error" in answer:
            raise ReferenceFailed(str(answer["error"]))
        return answer

    def _read(self, size_bytes: int) -> bytes:
        """The next message; nothing when the process is gone, however the kernel says so."""
        try:
            return self._channel.recv(size_bytes)
        except ConnectionError:
            return b""

    def _wait(self, deadline_s: float, doing: str) -> None:
        if not self._poll.poll(1000 * deadline_s):
            self.kill()
            raise ReferenceFailed(f"the reference process did not answer within {deadline_s:.0f} s ({doing})")

    def _failed(self, doing: str) -> ReferenceFailed:
        if self._log.closed:
            return ReferenceFailed(f"the reference process has been ended ({doing})")
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(2)
        self._log.seek(max(0, os.fstat(self._log.fileno()).st_size - 600))
        said = self._log.read().decode(errors="replace").strip()
        status = self._process.poll()
        if status in (-signal.SIGSEGV, 128 + signal.SIGSEGV) and not said:
            said = "it wrote where it may only read; does the reference change an input? (x.mul_ for x * …)"
        return ReferenceFailed(f"the reference process ended ({doing}, status {status}): {said}")
