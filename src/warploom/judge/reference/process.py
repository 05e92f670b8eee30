"""The PyTorch process, as the judge uses it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from warploom.errors import ProblemError, ReferenceFailed
from warploom.judge.reference.channel import START_SECONDS, ReferenceChannel
from warploom.sandbox.buffers import SharedBuffer
from warploom.values.audit import Pretender
from warploom.values.problem import Problem, Reference, Workload

ORACLE_SECONDS = 600.0
COMPILE_SECONDS = 600.0


class ReferenceProcess:
    """Computes oracles, and runs the baselines while the parent holds the clock. Use it from one thread at a time.

    Args:
        problem: loaded through :mod:`warploom.problems`.
        cache: where ``torch.compile`` keeps what it built.
        device: PyTorch's name of the device to compute on, which then times itself; "" for the processor.

    Raises:
        ReferenceFailed: it did not start, or the problem file cannot be run.
        ProblemError: the problem is somebody else's program, and there is no jail for it, or none with a GPU.
    """

    def __init__(self, problem: Problem, cache: Path, device: str = "") -> None:
        if not isinstance(problem.reference, Reference):
            raise TypeError("the judge takes a problem that was loaded through warploom.problems")
        self._problem = problem
        self._numbers: dict[int, tuple[int, SharedBuffer]] = {}
        self._next = 0
        self._path = problem.reference.path
        self._repeating: set[Workload] = set()
        self.compiled: dict[str, str] = {}
        """Workload → "" when its ``torch.compile`` is ready, else why there is none."""
        self._channel = ReferenceChannel(Path(problem.reference.path), cache, device)
        self.settings = {name: value for name, value in self._channel.settings.items() if "/" not in value}
        """What it runs under, without folders: they say nothing of a number, and something of whose machine it is."""
        try:
            self.description: dict[str, Any] = self._channel.ask("describe", START_SECONDS)
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """Number of the process, as this machine counts."""
        return self._channel.pid

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
        answer = self._channel.ask(
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

    def require_repeats(self, workload: Workload, inputs: SharedBuffer, offsets: Sequence[int]) -> None:
        """See that the reference answers the same to the same inputs; each workload is looked at once.

        Raises:
            ProblemError: it does not: it draws random numbers, or keeps something from call to call.
        """
        if workload in self._repeating:
            return
        self._know([inputs], writable=False)
        where: dict[str, Any] = {"inputs": self._number(inputs), "offsets": list(offsets), "axes": workload.extents}
        if varies := str(self._channel.ask("repeat", ORACLE_SECONDS, **where)["varies"])[:200]:
            raise ProblemError(
                f"{self._path}: the reference gives another answer each time it is called with the same inputs "
                f"({varies} at {workload}), so that no kernel is right or wrong: seed it inside, or pass the random "
                "numbers in as an input"
            )
        self._repeating.add(workload)

    def draw(self, workload: Workload, target: SharedBuffer, offsets: Sequence[int], seed: int) -> None:
        """Write inputs that the problem's own generator draws from a seed into ``target``, at these offsets.

        Raises:
            ReferenceFailed: it has no generator, or that draws what the problem does not allow.
        """
        self._know([target], writable=True)
        self._channel.ask(
            "draw",
            ORACLE_SECONDS,
            target=self._number(target),
            offsets=list(offsets),
            axes=workload.extents,
            seed=seed,
        )

    def compile(self, workload: Workload, inputs: SharedBuffer, offsets: Sequence[int]) -> str:
        """Make ``torch.compile`` ready for a shape; "" or why it cannot be."""
        name = str(workload)
        if name not in self.compiled:
            self._know([inputs], writable=False)
            try:
                self._channel.ask(
                    "compile",
                    COMPILE_SECONDS,
                    workload=name,
                    inputs=self._number(inputs),
                    offsets=list(offsets),
                    axes=workload.extents,
                )
                self.compiled[name] = ""
            except ReferenceFailed as error:
                if not self._channel.alive:
                    raise
                self.compiled[name] = str(error)
        return self.compiled[name]

    def stage(self, baseline: str, workload: Workload, inputs: SharedBuffer, calls: Sequence[Sequence[int]]) -> None:
        """Get calls of a baseline ready: the input offsets of each."""
        self._know([inputs], writable=False)
        self._channel.ask(
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
        return self._channel.go(deadline_s)

    def run_together(self, deadline_s: float, graph: bool) -> int:
        """Make the staged calls back to back on the device; nanoseconds of the whole. ``graph`` replays them."""
        return int(self._channel.ask("train", deadline_s, graph=graph)["elapsed_ns"])

    def collect(self, results: Sequence[SharedBuffer], offsets: Sequence[int]) -> None:
        """Copy the outputs of the last calls into these buffers, one a call; none drops them."""
        self._know(results, writable=True)
        self._channel.ask(
            "collect", START_SECONDS, results=[self._number(one) for one in results], offsets=list(offsets)
        )

    def examine(
        self, workload: Workload, inputs: SharedBuffer, others: SharedBuffer, offsets: Sequence[int]
    ) -> dict[str, Any]:
        """What can be said of the reference at a call, which is kept: :func:`warploom.judge.reference.pretend.examine`.

        ``others`` are the inputs of another call of the same workload, laid out alike.
        """
        self._know([inputs, others], writable=False)
        return self._channel.ask(
            "examine",
            ORACLE_SECONDS,
            inputs=self._number(inputs),
            others=self._number(others),
            offsets=list(offsets),
            axes=workload.extents,
            recipe=workload.recipe,
        )

    def trace(self, workload: Workload, inputs: SharedBuffer, offsets: Sequence[int]) -> dict[str, Any]:
        """What the reference does in one call, see :func:`warploom.judge.reference.trace.trace`."""
        self._know([inputs], writable=False)
        where: dict[str, Any] = {"inputs": self._number(inputs), "offsets": list(offsets), "axes": workload.extents}
        return self._channel.ask("trace", ORACLE_SECONDS, **where)

    def read_bytes(self, workload: Workload, inputs: SharedBuffer, offsets: Sequence[int]) -> int:
        """Bytes of its inputs that one call reads; all of them where the reference cannot be watched."""
        self._know([inputs], writable=False)
        where: dict[str, Any] = {"inputs": self._number(inputs), "offsets": list(offsets), "axes": workload.extents}
        try:
            return int(self._channel.ask("reads", ORACLE_SECONDS, **where)["bytes"])
        except ReferenceFailed:
            if not self._channel.alive:
                raise
            return sum(tensor.size_bytes(workload.extents) for tensor in self._problem.inputs.values())

    def pretend(self, pretender: Pretender, target: SharedBuffer, offsets: Sequence[int]) -> str:
        """Write what a pretender answers to the call examined last; "", or why it has no answer there."""
        self._know([target], writable=True)
        answer = self._channel.ask(
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
        if known and self._channel.alive:
            self._channel.ask("forget", START_SECONDS, buffers=known)

    def kill(self) -> None:
        """End the process now, from whatever thread; whoever waits for it gets a :class:`ReferenceFailed`."""
        self._channel.kill()

    def close(self) -> None:
        """End the process and give everything back. May be called again."""
        self._channel.close()

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
            self._channel.ask("map", START_SECONDS, descriptors, buffers=described)
