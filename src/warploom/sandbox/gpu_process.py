"""A kernel on a GPU, as the judge uses it: start, stage, run, close. The counterpart of the jailed process."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import replace
from types import TracebackType

from warploom.errors import ProblemError
from warploom.sandbox.autopsy import WorkerFailed
from warploom.sandbox.candidate_process import Call, messages
from warploom.sandbox.gpu_device import GpuDevice
from warploom.sandbox.gpu_worker_process import GpuWorkerProcess
from warploom.sandbox.limits import Limits
from warploom.toolchain.gpu_bundle import Bundle, Code
from warploom.values.problem import Problem


class GpuProcess:
    """A worker that has loaded one kernel; see :class:`warploom.sandbox.runner.Runner`.

    Each call is made alone: its inputs reach the device when the call before has been collected, and its time is taken
    inside (docs/decisions/0014).

    Args:
        bundle: the kernel.
        problem: whose tensors it takes.
        device: where it runs.
        limits: how long it may take to start.
        before: as of :class:`GpuWorkerProcess`.

    Raises:
        WorkerFailed: it did not start or load; ``stage`` is "load".
    """

    def __init__(
        self, bundle: Bundle, problem: Problem, device: GpuDevice, limits: Limits, before: Sequence[str] = ()
    ) -> None:
        self._bundle, self._problem, self._limits = bundle, problem, limits
        code = _code_for(bundle, device)
        self._arguments = code.arguments
        self._worker = GpuWorkerProcess(device, limits, before)
        try:
            self._load(code)
        except BaseException:
            self.close()
            raise

    def _load(self, code: Code) -> None:
        x, y, z = (*(self._bundle.launch.block or (code.threads,)), 1, 1)[:3]
        descriptor = os.memfd_create("code", os.MFD_CLOEXEC)
        try:
            with os.fdopen(os.dup(descriptor), "wb") as file:
                file.write(self._bundle.data[code.file])
            lines = [code.kernel, f"{x} {y} {z} {code.shared_bytes}"]
            self._worker.ask("load", lines, [descriptor], time.monotonic() + self._limits.start_seconds)
        finally:
            os.close(descriptor)
        self._worker.loaded()

    @property
    def pid(self) -> int:
        """Number of the worker, as this machine counts."""
        return self._worker.pid

    def stage(self, calls: Sequence[Call]) -> None:
        """Hand over the buffers of the calls to come; those of the calls before are given back.

        Raises:
            WorkerFailed: the device has no room, the launch cannot be had at this shape, or the worker failed.
            ValueError: an output buffer was an input before.
        """
        deadline = time.monotonic() + self._limits.start_seconds
        verb = "stage"
        whole = [replace(call, begin=0, size_bytes=0) for call in calls]  # nothing of it is on the device yet
        for lines, descriptors in messages(whole, self._words):
            self._worker.ask(verb, lines, descriptors, deadline)
            verb = "more"

    def run(self, deadline_s: float) -> int:
        """Make all staged calls one by one, each on a cold, idle device.

        Returns:
            Nanoseconds of all windows together.

        Raises:
            WorkerFailed: a call crashed, hung, or wrote to an input. The worker has been ended.
        """
        return self._timed("go", [], deadline_s)

    def run_together(self, deadline_s: float, graph: bool) -> int:
        """Make all staged calls back to back; they must have been made by :meth:`run` before, on other content.

        Args:
            deadline_s: as of :meth:`run`.
            graph: replay them from a graph, so that launching costs little.

        Returns:
            Nanoseconds of the whole.

        Raises:
            WorkerFailed: as of :meth:`run`.
        """
        return self._timed("train", [f"{graph:d}"], deadline_s)

    def _timed(self, verb: str, lines: Sequence[str], deadline_s: float) -> int:
        begin = time.monotonic_ns()
        told = self._worker.ask(verb, lines, (), time.monotonic() + deadline_s)
        if not 0 < told <= time.monotonic_ns() - begin:
            raise self._worker.failure("protocol", f"the worker tells of {told} ns, which cannot be")
        return told

    def _words(self, call: Call) -> str:
        """What the worker is told of a call beside its buffers: bytes of the inputs, blocks, arguments, workspace."""
        axes = dict(zip(self._problem.axes, _values(call, "axis"), strict=True))
        places = _values(call, "input")
        sizes = [tensor.size_bytes(axes) for tensor in self._problem.inputs.values()]
        begin = min(places, default=0)
        end = max((place + size for place, size in zip(places, sizes, strict=True)), default=0)
        # Triton's kernels take axes of 32 bits, all others of 64.
        letters = {"input": "i", "output": "o", "axis": "w" if self._bundle.language == "triton" else "q"}
        words = [f"{letters[role]}{value}" for role, value in call.arguments]
        try:
            blocks = [str(count) for count in self._bundle.launch.blocks(axes)]
            workspace = self._bundle.launch.workspace_bytes(axes)
        except ProblemError as error:
            raise self._worker.failure("limit", f"the LAUNCH line: {error}") from None
        words += [f"s{workspace}"] if workspace else []
        return " ".join([str(begin), str(end), *blocks, *words, *("n" for _ in self._arguments)])

    def finish(self, seconds: float) -> None:
        """See :meth:`GpuWorkerProcess.finish`."""
        self._worker.finish(seconds)

    def close(self) -> None:
        """End the worker. May be called again."""
        self._worker.close()

    def __enter__(self) -> GpuProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _code_for(bundle: Bundle, device: GpuDevice) -> Code:
    architecture = device.architecture
    if architecture is None or architecture.name not in bundle.codes:
        there = ", ".join(bundle.codes)
        said = f"the kernel was compiled for {there}, and {device.name} is {architecture.name if architecture else '?'}"
        raise WorkerFailed("load_error", said, stage="load")
    return bundle.codes[architecture.name]


def _values(call: Call, role: str) -> list[int]:
    return [value for one, value in call.arguments if one == role]
