"""A jailed worker as its owner holds it: started, asked, stopped, ended."""

from __future__ import annotations

import contextlib
import os
import secrets
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from warploom.sandbox import freezer, wire
from warploom.sandbox.autopsy import WorkerFailed, cause_of_death
from warploom.sandbox.jail import ARTIFACT, Jail
from warploom.sandbox.limits import Limits
from warploom.sandbox.rules import confinement
from warploom.values.plain_text import printable

_KINDS = ("load_error", "out_of_memory", "wrong_result")  # that a worker may give as the reason of its failure
_GRACE_SECONDS = 1.0  # for a killed process to be gone
_SAMPLE_SECONDS = 0.05  # how often a long wait looks at the worker's memory


class WorkerProcess:
    """A worker that answers one question at a time and is stopped in between.

    Args:
        artifact: the shared object it loads.
        entry_point: name of the kernel in it.
        jail: how it is shut in.
        limits: what it may use up.

    Raises:
        WorkerFailed: it did not start or load; ``stage`` is "load".
    """

    def __init__(self, artifact: Path, entry_point: str, jail: Jail, limits: Limits) -> None:
        self._jail, self._limits = jail, limits
        self._stage = "load"
        self._log = b""
        self._printed = 0
        self._peak_bytes = 0
        self.pid = 0
        self._closed = False
        self._open = contextlib.ExitStack()  # everything that must be given back in the end
        self._process: subprocess.Popen[bytes] | None = None
        self._worker_fd = -1
        try:
            self._start(artifact, entry_point)
        except BaseException:
            self.close()
            raise
        self._stage = ""

    def _start(self, artifact: Path, entry_point: str) -> None:
        deadline = time.monotonic() + self._limits.start_seconds
        self._channel, theirs = wire.pair()
        self._open.callback(self._channel.close)
        # Before the worker starts: a greeting that was sent earlier comes without its sender's credentials.
        self._channel.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        user = self._jail.user()
        with contextlib.ExitStack() as stack:
            stack.callback(theirs.close)
            self._output, output = os.pipe()
            self._open.callback(os.close, self._output)
            stack.callback(os.close, output)
            os.set_blocking(self._output, False)
            try:
                held, inside = self._offer(artifact, stack)
                self._process = subprocess.Popen(
                    self._jail.command(theirs.fileno(), held, self._limits),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    pass_fds=(theirs.fileno(), held),
                    env=self._jail.environment(),
                    start_new_session=True,
                    cwd="/",
                )
            except OSError as error:
                raise WorkerFailed("load_error", f"the worker could not be started: {error}", stage="load") from error
            theirs.close()
            self._process_fd = os.pidfd_open(self._process.pid)
            self._open.callback(os.close, self._process_fd)
            self._poll = select.poll()
            for descriptor in (self._channel.fileno(), self._output, self._process_fd):
                self._poll.register(descriptor, select.POLLIN)
            own_pid = self._greet(deadline)
            rules = confinement(self._jail, self._limits, user, own_pid, inside)
            self.ask("load", [inside, entry_point, *rules], deadline=deadline)

    def _offer(self, artifact: Path, stack: contextlib.ExitStack) -> tuple[int, str]:
        """A descriptor of the artifact, and the path under which the worker shall load it."""
        held = os.open(artifact, os.O_RDONLY | os.O_CLOEXEC)
        stack.callback(os.close, held)
        if self._jail.bubblewrap:
            return held, ARTIFACT
        # Without a mount namespace the worker gets a copy: the cache stays out of its reach, whoever it runs as.
        folder = Path(tempfile.mkdtemp(prefix="warploom-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.chmod(0o755)
        copy = folder / "kernel.so"
        shutil.copyfile(artifact, copy)
        copy.chmod(0o755)
        return held, str(copy)

    def _greet(self, deadline: float) -> int:
        """Wait for the worker's first message; its process id as itself sees it."""
        self._wait(deadline)
        try:
            self.pid, own_pid = wire.receive_hello(self._channel)
            self._worker_fd = os.pidfd_open(self.pid)
            self._open.callback(os.close, self._worker_fd)
            self._channel.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
            self._freeze()
        except (EOFError, ConnectionError, ProcessLookupError):
            raise self._dead() from None
        except wire.ProtocolError as error:
            raise self._failure("protocol", str(error)) from None
        return own_pid

    # ------------------------------------------------------------ one question, one answer

    def ask(self, verb: str, lines: Sequence[str], descriptors: Sequence[int] = (), deadline: float = 0.0) -> int:
        """Put one question to the stopped worker, let it run until it answers, stop it again.

        Args:
            verb: what it shall do.
            lines: with what.
            descriptors: handed over beside it.
            deadline: on the monotonic clock; the worker is ended when it has not answered by then.

        Returns:
            Nanoseconds from waking it to its answer.

        Raises:
            WorkerFailed: whatever it did instead.
        """
        with self._failures():
            token = self._put(verb, lines, descriptors)
            begin = time.perf_counter_ns()
            signal.pidfd_send_signal(self._worker_fd, signal.SIGCONT)
            self._wait(deadline)
            # The clock stops after the worker: what it does between its answer and the stop is not free of charge.
            signal.pidfd_send_signal(self._worker_fd, signal.SIGSTOP)
            end = time.perf_counter_ns()
            self._take(token)
        return end - begin

    def ask_and_look(
        self, calls: int, deadline: float, until: Callable[[], bool], patience_s: float, look: Callable[[], None]
    ) -> tuple[int, int] | None:
        """Have calls made, but stop the worker once on the way, look around, and let it go on.

        Args:
            calls: how many of the staged ones.
            deadline: on the monotonic clock.
            until: asked again and again; the worker is stopped as soon as it says so.
            patience_s: or after this long.
            look: called while it stands still.

        Returns:
            Processor time in ns that its work had taken by then, and in all; None when it had answered already.

        Raises:
            WorkerFailed: whatever it did instead.
        """
        with self._failures():
            token = self._put("go", [str(calls)], ())
            before_ns = freezer.processor_ns(self.pid)
            with freezer.aside(self.pid, drawn=secrets.randbelow(2)):
                signal.pidfd_send_signal(self._worker_fd, signal.SIGCONT)
                freezer.spin(until, patience_s)
                self._freeze()
            spent = None
            if not wire.pending(self._channel):
                then_ns = freezer.processor_ns(self.pid)
                look()
                signal.pidfd_send_signal(self._worker_fd, signal.SIGCONT)
                self._wait(deadline)
                self._freeze()
                spent = then_ns - before_ns, freezer.processor_ns(self.pid) - before_ns
            self._take(token)
            return spent

    def _put(self, verb: str, lines: Sequence[str], descriptors: Sequence[int]) -> str:
        """Send one question; the token that its answer must carry."""
        unasked = wire.pending(self._channel)
        if unasked:
            raise wire.ProtocolError(f"the worker spoke without being asked: {unasked[:80]!r}")
        token = secrets.token_hex(8)
        wire.send(self._channel, "\n".join((f"{verb} {token}", *lines)), descriptors)
        return token

    def _take(self, token: str) -> None:
        """Receive the answer, and see that the worker stands still."""
        reply = wire.receive_reply(self._channel, token)
        self._freeze()
        if reply.kind:
            kind = reply.kind if reply.kind in _KINDS else "protocol"
            raise self._failure(kind, printable(reply.text))

    @contextlib.contextmanager
    def _failures(self) -> Iterator[None]:
        """Whatever goes wrong with a worker in this block is a :class:`WorkerFailed`."""
        if self._closed:
            raise WorkerFailed("crash", "the worker has been ended before", stage=self._stage)
        try:
            yield
        except (EOFError, ConnectionError, ProcessLookupError):
            raise self._dead() from None
        except wire.ProtocolError as error:
            raise self._failure("protocol", str(error)) from None

    def _wait(self, deadline: float) -> None:
        """Wait until the channel can be read, swallowing what the worker prints. An answer that is there is in time."""
        channel = self._channel.fileno()
        while True:
            left = deadline - time.monotonic()
            ready = {descriptor for descriptor, _ in self._poll.poll(1000 * max(0.0, min(left, _SAMPLE_SECONDS)) + 1)}
            if channel in ready:
                return
            if left <= 0:
                raise self._failure("timeout", "the worker did not answer within its deadline")
            if self._process_fd in ready:
                raise self._dead()
            if self._output in ready:
                self._drain()
                if self._printed > self._limits.output_bytes:
                    raise self._failure("limit", f"the worker printed more than {self._limits.output_bytes} bytes")
            if self.pid:
                self._peak_bytes = max(self._peak_bytes, freezer.private_bytes(self.pid))

    def _drain(self) -> None:
        """Take what the worker printed so far; the end of it is kept."""
        while self._printed <= self._limits.output_bytes:
            try:
                data = os.read(self._output, 1 << 16)
            except BlockingIOError:
                return
            if not data:
                with contextlib.suppress(KeyError):
                    self._poll.unregister(self._output)
                return
            self._printed += len(data)
            self._log = (self._log + data)[-self._limits.output_bytes :]

    def _freeze(self) -> None:
        """Stop every thread of the worker, and see that they are stopped."""
        if not freezer.freeze(self.pid, self._worker_fd):
            raise self._failure("protocol", "the worker could not be stopped")

    # ------------------------------------------------------------ ends

    def close(self) -> None:
        """End the worker, the jail around it and everything in it. May be called again."""
        if self._closed:
            return
        self._closed = True
        if self._process is not None:
            self._end(self._process)
            self._drain()
        self._open.close()

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        """Kill the worker; the jail's own init then reaps it and ends, and nobody is left as an orphan."""
        if self._worker_fd >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._worker_fd, signal.SIGKILL)
            self._ended_within_grace()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def _ended_within_grace(self) -> bool:
        """Whether the started process ends soon. ``Popen.wait`` with a timeout would look too seldom."""
        poll = select.poll()
        poll.register(self._process_fd, select.POLLIN)
        return bool(poll.poll(1000 * _GRACE_SECONDS))

    def _failure(self, kind: str, message: str) -> WorkerFailed:
        """End the worker; the failure to raise."""
        self.close()
        return WorkerFailed(kind, message, printable(self._log.decode(errors="replace")), self._stage)

    def _dead(self) -> WorkerFailed:
        """The worker is gone of itself: what became of it."""
        by_itself = self._ended_within_grace()
        self.close()
        status = self._process.returncode if self._process is not None and by_itself else None
        log = printable(self._log.decode(errors="replace"))
        kind, message = cause_of_death(status, log, self._peak_bytes, self._limits, bool(self._jail.bubblewrap))
        return WorkerFailed(kind, message, log, self._stage)
