"""The process that holds a GPU, as its owner sees it: started, asked, ended."""

from __future__ import annotations

import contextlib
import os
import secrets
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from types import TracebackType

from warploom.sandbox import wire
from warploom.sandbox.autopsy import WorkerFailed
from warploom.sandbox.gpu_device import GpuDevice, environment
from warploom.sandbox.limits import Limits
from warploom.values.plain_text import printable

_LOG_BYTES = 4096


class GpuWorkerProcess:
    """A worker that holds one device, and answers one question at a time. Use it in a ``with`` block.

    Args:
        device: which.
        limits: how long it may take to start.
        before: words of a program under which it runs, as a sanitizer; none runs it alone.

    Raises:
        WorkerFailed: it did not start, or the device cannot be opened; ``stage`` is "load".
    """

    def __init__(self, device: GpuDevice, limits: Limits, before: Sequence[str] = ()) -> None:
        self._limits = limits
        self._stage = "load"
        self._open = contextlib.ExitStack()
        self._log = self._open.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - closed in close()
        self._channel, theirs = wire.pair()
        self._open.callback(self._channel.close)
        self.pid = 0
        with theirs:
            command = [*before, sys.executable, "-m", "warploom.sandbox.gpu_worker", str(theirs.fileno())]
            try:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=self._log,
                    stderr=self._log,
                    pass_fds=(theirs.fileno(),),
                    env=environment(),
                    start_new_session=True,
                )
            except OSError as error:
                self._open.close()
                raise WorkerFailed("load_error", f"the worker could not be started: {error}", stage="load") from error
        self.pid = self._process.pid
        deadline = time.monotonic() + limits.start_seconds
        self._wait(deadline)
        self._receive()  # its greeting
        self.ask("open", [device.library, str(device.index)], deadline=deadline)

    def ask(self, verb: str, lines: Sequence[str], descriptors: Sequence[int] = (), deadline: float = 0.0) -> int:
        """Put one question and wait for the answer.

        Args:
            verb: what it shall do.
            lines: with what.
            descriptors: handed over beside it.
            deadline: on the monotonic clock; the worker is ended when it has not answered by then.

        Returns:
            The number it answers.

        Raises:
            WorkerFailed: it could not, crashed, or did not answer in time. It has been ended.
        """
        token = secrets.token_hex(8)
        try:
            wire.send(self._channel, "\n".join([f"{verb} {token}", *lines]), descriptors)
        except OSError:
            raise self._dead() from None
        self._wait(deadline)
        head, _, rest = self._receive().partition(" ")
        word, _, said = rest.partition(" ")
        if head != token or word not in ("ok", "failed"):
            raise self.failure("protocol", f"the worker said {head[:40]!r}")
        printed = os.fstat(self._log.fileno()).st_size
        if printed > self._limits.output_bytes:
            raise self.failure("limit", f"the kernel printed more than {self._limits.output_bytes} bytes")
        if word == "failed":
            kind, _, message = said.partition(" ")
            raise self.failure(kind, message)
        return int(said)

    def loaded(self) -> None:
        """From here on failures are not those of loading."""
        self._stage = ""

    def finish(self, seconds: float) -> None:
        """Hang up and wait until it has ended by itself, and the program that it runs under has: that may have to tell.

        Raises:
            WorkerFailed: it did not end within so many seconds. It has been ended.
        """
        self._channel.close()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise self.failure("timeout", f"it did not end within {seconds:g} s") from None

    def close(self) -> None:
        """End the worker. May be called again."""
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._open.close()

    def __enter__(self) -> GpuWorkerProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _wait(self, deadline: float) -> None:
        poll = select.poll()
        poll.register(self._channel, select.POLLIN)
        if not poll.poll(1000 * max(0.0, deadline - time.monotonic())):
            raise self.failure("timeout", "the kernel did not end within its deadline")

    def _receive(self) -> str:
        try:
            data = self._channel.recv(wire.MESSAGE_BYTES)
        except ConnectionError:
            data = b""
        if not data:
            raise self._dead()
        return data.decode(errors="replace")

    def _dead(self) -> WorkerFailed:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        status = self._process.poll()
        how = f"ended by {signal.Signals(-status).name}" if status is not None and status < 0 else f"status {status}"
        return self.failure("crash", f"the process that holds the GPU is gone ({how})")

    def failure(self, kind: str, message: str) -> WorkerFailed:
        """End the worker; the failure to raise."""
        log = ""
        with contextlib.suppress(ValueError, OSError):
            self._log.seek(max(0, os.fstat(self._log.fileno()).st_size - _LOG_BYTES))
            log = printable(self._log.read().decode(errors="replace"))
        self.close()
        return WorkerFailed(kind, message, log, self._stage)
