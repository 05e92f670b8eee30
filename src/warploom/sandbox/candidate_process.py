"""A candidate's process, as the judge uses it: start, stage, run, close."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

from warploom.sandbox import pages, wire
from warploom.sandbox.autopsy import WorkerFailed
from warploom.sandbox.buffers import SharedBuffer
from warploom.sandbox.jail import Jail
from warploom.sandbox.limits import Limits
from warploom.sandbox.worker_process import WorkerProcess

__all__ = ["Call", "CandidateProcess", "WorkerFailed"]

_TEXT_CHARACTERS = wire.MESSAGE_BYTES - 4096  # leaves room for the first line and the last item


@dataclass(frozen=True)
class Call:
    """One call of the kernel.

    Attributes:
        inputs: the buffer its input tensors lie in; the worker can only read it.
        outputs: the buffer its output tensors lie in.
        arguments: in calling order: ("input", byte offset), ("output", byte offset) or ("axis", value).
        begin: where in ``inputs`` the part begins that this call alone reads, a multiple of the page.
        size_bytes: of that part, 0 for all from there on. Each part is mapped by itself.
    """

    inputs: SharedBuffer
    outputs: SharedBuffer
    arguments: tuple[tuple[str, int], ...]
    begin: int = 0
    size_bytes: int = 0


class CandidateProcess:
    """A jailed worker that has loaded one artifact. Use it in a ``with`` block, and from the thread that made it.

    The worker runs only while a method of this class waits for it; at every other moment all its threads are
    stopped. So what it left behind in a thread can neither finish a result late nor start on the next inputs
    early, and what the owner writes into a staged input buffer before :meth:`run` is seen by nobody before the
    clock starts. It ends with the thread that made it, should that end first.

    Args:
        artifact: the shared object.
        entry_point: name of the kernel in it.
        jail: from :func:`warploom.sandbox.jail.find_jail`.
        limits: what the worker may use up.

    Raises:
        WorkerFailed: it did not start or load; ``stage`` is "load".
    """

    def __init__(self, artifact: Path, entry_point: str, jail: Jail, limits: Limits) -> None:
        self._jail, self._limits = jail, limits
        self._worker = WorkerProcess(artifact, entry_point, jail, limits)
        self._staged: tuple[Call, ...] = ()

    def stage(self, calls: Sequence[Call]) -> None:
        """Hand over the buffers of the calls to come; those of the calls before are unmapped.

        Each input buffer is sealed (see :class:`SharedBuffer`). Afterwards the worker is stopped with every page
        mapped. Fill inputs after this and before :meth:`run`: then nothing can be computed ahead of the clock.

        Raises:
            WorkerFailed: the worker failed, or said what no honest worker says.
            ValueError: an output buffer was an input before.
        """
        deadline = time.monotonic() + self._limits.start_seconds
        verb = "stage"
        self._staged = ()
        for lines, descriptors in messages(calls, _words):
            self._worker.ask(verb, lines, descriptors, deadline)
            verb = "more"
        self._staged = tuple(calls)

    def run(self, deadline_s: float) -> int:
        """Make all staged calls in order.

        Args:
            deadline_s: the worker is ended when they take longer.

        Returns:
            Nanoseconds on this process's clock from waking the worker to its answer. The worker is stopped.

        Raises:
            WorkerFailed: it crashed, hung, broke a limit or said what no honest worker says.
        """
        return self._make(len(self._staged), deadline_s)

    def run_first(self, calls: int, deadline_s: float) -> set[int] | None:
        """Make so many of the staged calls, the first ones, as :meth:`run` makes all of them.

        Nothing that happens before tells the kernel after which call a block ends.

        Returns:
            The staged calls whose part of the inputs was read, by number; None where this system does not tell.

        Raises:
            WorkerFailed: as in :meth:`run`.
        """
        watched = pages.forget(self.pid)
        self._make(calls, deadline_s)
        touched = pages.touched(self.pid) if watched else None
        if touched is None:
            return None
        parts = [(os.fstat(call.inputs.read_only_fd).st_ino, call.begin) for call in self._staged]
        return {place for place, part in enumerate(parts) if part in touched}

    def _make(self, calls: int, deadline_s: float) -> int:
        return self._worker.ask("go", [str(calls)], deadline=time.monotonic() + deadline_s)

    def run_and_look(
        self, deadline_s: float, until: Callable[[], bool], patience_s: float, look: Callable[[], None]
    ) -> tuple[int, int] | None:
        """Make all staged calls as :meth:`run` does, but stop the worker on the way and look at its outputs.

        It cannot tell that this will happen before it does.

        Args:
            deadline_s: the worker is ended when they take longer.
            until: asked again and again; the worker is stopped as soon as it says so.
            patience_s: or after this long.
            look: called while it stands still.

        Returns:
            Processor time in ns that was spent by then, and in all; None when the calls were done already.

        Raises:
            WorkerFailed: as in :meth:`run`.
        """
        deadline = time.monotonic() + deadline_s
        return self._worker.ask_and_look(len(self._staged), deadline, until, patience_s, look)

    @property
    def pid(self) -> int:
        """Number of the worker, as this machine counts."""
        return self._worker.pid

    def description(self) -> dict[str, object]:
        """How the worker was shut in: jail, gaps, limits, and the settings of OpenMP and malloc."""
        settings = {name: value for name, value in self._jail.environment().items() if name != "LD_LIBRARY_PATH"}
        return {
            "jail": self._jail.name,
            "gaps": list(self._jail.gaps),
            "limits": asdict(self._limits),
            "settings": settings,
        }

    def close(self) -> None:
        """End the worker and everything it started. May be called again."""
        self._worker.close()

    def __enter__(self) -> CandidateProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def messages(calls: Sequence[Call], words: Callable[[Call], str]) -> Iterator[tuple[list[str], list[int]]]:
    """The lines and descriptors that stage these calls, in as few messages as the wire allows.

    Args:
        calls: to be staged.
        words: what a worker is told of a call, beside the numbers of its buffers.

    Raises:
        ValueError: an output buffer was an input before.
    """
    numbers: dict[tuple[int, int], int] = {}
    items: list[tuple[str, int | None]] = []
    for call in calls:
        for buffer, begin, writable in ((call.inputs, call.begin, False), (call.outputs, 0, True)):
            if writable and buffer.sealed:
                raise ValueError("a buffer that was an input once cannot take outputs")
            if (id(buffer), begin) not in numbers:
                numbers[id(buffer), begin] = len(numbers)
                descriptor = buffer.fd if writable else buffer.read_only_fd
                size = call.size_bytes if call.size_bytes and not writable else buffer.size_bytes - begin
                items.append((f"map {size} {writable:d} {begin}", descriptor))
    for call in calls:
        inputs, outputs = numbers[id(call.inputs), call.begin], numbers[id(call.outputs), 0]
        items.append((f"call {inputs} {outputs} {words(call)}", None))
    lines: list[str] = []
    descriptors: list[int] = []
    length = 0
    for text, held in items:
        if len(descriptors) == wire.DESCRIPTORS or length + len(text) > _TEXT_CHARACTERS:
            yield lines, descriptors
            lines, descriptors, length = [], [], 0
        lines.append(text)
        length += len(text) + 1
        if held is not None:
            descriptors.append(held)
    yield lines, descriptors


def _words(call: Call) -> str:
    """The arguments of a call, as a jailed worker reads them."""
    letters = {"input": "i", "output": "o", "axis": ""}
    return " ".join(f"{letters[role]}{value - (role == 'input') * call.begin}" for role, value in call.arguments)
