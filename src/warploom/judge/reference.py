"""The trusted PyTorch process, seen from the parent."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from warploom.errors import ReferenceFailed
from warploom.sandbox.buffers import SharedBuffer
from warploom.sandbox.threads import openmp
from warploom.values.audit import Pretender
from warploom.values.keys import without_keys
from warploom.values.problem import Problem, Reference, Workload

START_SECONDS = 120.0
ORACLE_SECONDS = 600.0
COMPILE_SECONDS = 600.0
MESSAGE_BYTES = 1 << 18


def environment(cache: Path) -> dict[str, str]:
    """Settings of the reference process, recorded with the baselines.

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
        "CUDA_VISIBLE_DEVICES": "",
    }


class ReferenceProcess:
    """Computes oracles, and runs the baselines while the parent holds the clock. Use it from one thread at a time.

    Args:
        problem: loaded through :mod:`warploom.problems`.
        cache: where ``torch.compile`` keeps what it built.

    Raises:
        ReferenceFailed: it did not start, or the problem file cannot be run.
    """

    def __init__(self, problem: Problem, cache: Path) -> None:
        if not isinstance(problem.reference, Reference):
            raise TypeError("the judge takes a problem that was loaded through warploom.problems")
        self._numbers: dict[int, tuple[int, SharedBuffer]] = {}
        self._next = 0
        self.compiled: dict[str, str] = {}
        """Workload → "" when its ``torch.compile`` is ready, else why there is none."""
        self.settings = environment(cache)
        (cache / "inductor").mkdir(parents=True, exist_ok=True)
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close()
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._channel.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * MESSAGE_BYTES)
        # -P keeps the current directory off the module path: a stray torch.py there is not PyTorch.
        command = [sys.executable, "-P", "-m", "warploom.judge.reference_process"]
        with theirs:
            self._process = subprocess.Popen(
                [*command, str(theirs.fileno()), problem.reference.path],
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                pass_fds=(theirs.fileno(),),
                env=without_keys(os.environ) | self.settings,
                start_new_session=True,
            )
        self.pid = self._process.pid
        self._poll = select.poll()
        self._poll.register(self._channel, select.POLLIN)
        try:
            self._receive(START_SECONDS, "starting")
            self.description: dict[str, Any] = self._ask("describe", START_SECONDS)
        except BaseException:
            self.close()
            raise

    # ------------------------------------------------------------ questions

    def oracle(
        self,
        workload: Workload,
        inputs: SharedBuffer,
        offsets: Sequence[int],
        targets: Sequence[tuple[SharedBuffer, SharedBuffer, SharedBuffer]],
        seed: int,
    ) -> list[tuple[float, bool]]:
        """Write expected values, tolerances and otherwise-values of every output into ``targets``.

        Returns:
            Per output: its error level, and whether there are otherwise-values.
        """
        self._know([inputs], writable=False)
        self._know([buffer for group in targets for buffer in group], writable=True)
        answer = self._ask(
            "oracle",
            ORACLE_SECONDS,
            inputs=self._number(inputs),
            offsets=list(offsets),
            axes=workload.extents,
            targets=[[self._number(buffer) for buffer in group] for group in targets],
            seed=seed,
        )
        try:
            found = [(float(one["level"]), bool(one["otherwise"])) for one in answer["outputs"]]
        except (LookupError, TypeError, ValueError):
            found = []
        if len(found) != len(targets):
            raise ReferenceFailed(f"the reference process gave no answer to an oracle: {str(answer)[:80]}")
        return found

    def compile(self, workload: Workload, inputs: SharedBuffer, offsets: Sequence[int]) -> str:
        """Make ``torch.compile`` ready for a shape; "" or why it cannot be."""
        name = str(workload)
        if name not in self.compiled:
            self._know([inputs], writable=False)
            try:
                where: dict[str, Any] = {"inputs": self._number(inputs), "axes": workload.extents}
                self._ask("compile", COMPILE_SECONDS, workload=name, offsets=list(offsets), **where)
                self.compiled[name] = ""
            except ReferenceFailed as error:
                if self._process.poll() is not None:
                    raise
                self.compiled[name] = str(error)
        return self.compiled[name]

    def stage(self, baseline: str, workload: Workload, inputs: SharedBuffer, calls: Sequence[Sequence[int]]) -> None:
        """Get calls of a baseline ready: the input offsets of each."""
        self._know([inputs], writable=False)
        self._ask(
            "stage",
            START_SECONDS,
            baseline=baseline,
            workload=str(workload),
            inputs=self._number(inputs),
            calls=[list(offsets) for offsets in calls],
            axes=workload.extents,
        )

    def run(self, deadline_s: float) -> int:
        """Make the staged calls; nanoseconds on this process's clock from asking to the answer."""
        begin = time.perf_counter_ns()
        self._send(b"go", [])
        self._wait(deadline_s, "running the reference")
        end = time.perf_counter_ns()
        if self._read(64) != b"done":
            raise self._failed("running the reference")
        return end - begin

    def collect(self, results: Sequence[SharedBuffer], offsets: Sequence[int]) -> None:
        """Copy the outputs of the last calls into these buffers, one a call; none drops them."""
        self._know(results, writable=True)
        self._ask("collect", START_SECONDS, results=[self._number(one) for one in results], offsets=list(offsets))

    def examine(
        self, workload: Workload, inputs: SharedBuffer, others: SharedBuffer, offsets: Sequence[int]
    ) -> dict[str, Any]:
        """What can be said of the reference at a call (see :func:`warploom.judge.pretend.examine`); the call is kept.

        ``others`` are the inputs of another call of the same workload, laid out alike.
        """
        self._know([inputs, others], writable=False)
        return self._ask(
            "examine",
            ORACLE_SECONDS,
            inputs=self._number(inputs),
            others=self._number(others),
            offsets=list(offsets),
            axes=workload.extents,
            recipe=workload.recipe,
        )

    def trace(self, workload: Workload, inputs: SharedBuffer, offsets: Sequence[int]) -> dict[str, Any]:
        """What the reference does in one call, see :func:`warploom.judge.trace.trace`."""
        self._know([inputs], writable=False)
        where: dict[str, Any] = {"inputs": self._number(inputs), "offsets": list(offsets), "axes": workload.extents}
        return self._ask("trace", ORACLE_SECONDS, **where)

    def pretend(self, pretender: Pretender, target: SharedBuffer, offsets: Sequence[int]) -> str:
        """Write what a pretender answers to the call examined last; "", or why it has no answer there."""
        self._know([target], writable=True)
        answer = self._ask(
            "pretend",
            ORACLE_SECONDS,
            rule=pretender.rule,
            arguments=list(pretender.arguments),
            target=self._number(target),
            offsets=list(offsets),
        )
        return str(answer["absent"])

    def forget(self, buffers: Sequence[SharedBuffer]) -> None:
        """These buffers will be closed."""
        known = [self._numbers.pop(id(buffer))[0] for buffer in buffers if id(buffer) in self._numbers]
        if known and self._process.poll() is None:
            self._ask("forget", START_SECONDS, buffers=known)

    def kill(self) -> None:
        """End the process now, from whatever thread; whoever waits for it gets a :class:`ReferenceFailed`."""
        self._process.kill()

    def close(self) -> None:
        """End the process and give everything back. May be called again."""
        self.kill()
        self._process.wait()
        self._channel.close()
        self._log.close()

    def __enter__(self) -> ReferenceProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _number(self, buffer: SharedBuffer) -> int:
        return self._numbers[id(buffer)][0]

    def _know(self, buffers: Sequence[SharedBuffer], writable: bool) -> None:
        new = [buffer for buffer in buffers if id(buffer) not in self._numbers]
        for start in range(0, len(new), 32):
            part = new[start : start + 32]
            described = []
            for buffer in part:
                self._numbers[id(buffer)] = (self._next, buffer)
                described.append([self._next, buffer.size_bytes, int(writable)])
                self._next += 1
            descriptors = [buffer.fd if writable else buffer.read_only_fd for buffer in part]
            self._ask("map", START_SECONDS, descriptors, buffers=described)

    def _ask(self, verb: str, deadline_s: float, descriptors: Sequence[int] = (), **details: Any) -> dict[str, Any]:
        self._send(json.dumps({"ask": verb, **details}).encode(), descriptors)
        return self._receive(deadline_s, verb)

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
        try:
            answer = json.loads(data)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise ReferenceFailed(f"the reference process said what it never says ({doing}): {data[:80]!r}")
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
            self._process.kill()
            raise ReferenceFailed(f"the reference process did not answer within {deadline_s:.0f} s ({doing})")

    def _failed(self, doing: str) -> ReferenceFailed:
        if self._log.closed:
            return ReferenceFailed(f"the reference process has been ended ({doing})")
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(2)
        self._log.seek(0)
        said = self._log.read()[-600:].decode(errors="replace").strip()
        status = self._process.poll()
        if status == -signal.SIGSEGV and not said:
            said = "it wrote where it may only read; does the reference change an input? (x.mul_ for x * …)"
        return ReferenceFailed(f"the reference process ended ({doing}, status {status}): {said}")
