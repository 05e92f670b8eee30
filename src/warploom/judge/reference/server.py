"""The trusted PyTorch process: ``python -m warploom.judge.reference.server DESCRIPTOR PROBLEM_FILE [DEVICE]``.

It owns no seed of its own, and no clock unless it computes on a device
(:mod:`warploom.judge.reference.device_clock`): the parent asks over a socket and times from outside, through the
same kind of round trip as for a candidate. Candidate code never runs here. It ends when the parent's end of the socket
closes.
"""

from __future__ import annotations

import gc
import json
import mmap
import os
import select
import socket
import sys
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from warploom.errors import WrongReference
from warploom.judge.comparison import tolerance
from warploom.judge.content import own_draws
from warploom.judge.reference import pretend, reads, repeat, trace
from warploom.judge.reference.device_clock import Call, DeviceClock
from warploom.problems.native import execute
from warploom.problems.returned import as_tuple, described, guarded
from warploom.values.problem import FLOATS, Problem, Workload

MESSAGE_BYTES = 1 << 18


class Server:
    """Answers one question at a time.

    Args:
        problem: with its reference as a callable.
        channel: the socket to the parent.
        device: what everything is computed on; None for the processor, with the parent's clock.
    """

    def __init__(self, problem: Problem, channel: socket.socket, device: torch.device | None = None) -> None:
        assert callable(problem.reference)
        self._reference: Callable[..., Any] = problem.reference
        self._problem = problem
        self._channel = channel
        self._device = device
        self._clock = None if device is None else DeviceClock(device)
        self._maps: dict[int, mmap.mmap] = {}
        self._compiled: dict[str, Callable[..., Any]] = {}
        self._calls: list[Call] = []
        self._outputs: list[Any] = []
        self._scene: pretend.Scene | None = None

    def serve(self) -> None:
        """Until the parent hangs up."""
        while True:
            data, descriptors, _, _ = socket.recv_fds(self._channel, MESSAGE_BYTES, 64)
            if data == b"go" and self._clock:
                self._outputs, elapsed = self._clock.alone(self._calls)
                self._channel.send(b"done %d" % elapsed)
            elif data == b"go":
                for function, arguments in self._calls:
                    self._outputs.append(function(*arguments))
                self._channel.send(b"done")
            elif not data:
                return
            else:
                self._channel.send(json.dumps(self._answer(json.loads(data), descriptors)).encode())

    def _answer(self, question: dict[str, Any], descriptors: Sequence[int]) -> dict[str, Any]:
        try:
            verb = getattr(self, f"_{question.pop('ask')}")
            answer: dict[str, Any] = verb(descriptors=descriptors, **question) if descriptors else verb(**question)
        except Exception as error:  # noqa: BLE001 - the reference is foreign code; its failure is an answer
            if isinstance(error, WrongReference):
                return {"error": str(error), "wrong": True}
            return {"error": described(error)}
        return answer

    # ------------------------------------------------------------ what can be asked

    def _describe(self) -> dict[str, Any]:
        return {
            "torch": torch.__version__,
            "threads": torch.get_num_threads(),
            "matmul_precision": torch.get_float32_matmul_precision(),
            "capability": torch.backends.cpu.get_cpu_capability(),
            **({} if self._device is None else {"device": _name(self._device)}),
            "python": ".".join(str(part) for part in sys.version_info[:3]),
        }

    def _train(self, graph: bool) -> dict[str, Any]:
        """The staged calls back to back on the device; nanoseconds of the whole."""
        assert self._clock is not None
        self._outputs, elapsed = self._clock.together(self._calls, graph)
        return {"elapsed_ns": elapsed}

    def _map(self, buffers: Sequence[Sequence[int]], descriptors: Sequence[int] = ()) -> dict[str, Any]:
        """Map shared buffers: (number, size, writable) each, with its descriptor."""
        for (number, size, writable), descriptor in zip(buffers, descriptors, strict=True):
            protection = mmap.PROT_READ | (mmap.PROT_WRITE if writable else 0)
            self._maps[number] = mmap.mmap(descriptor, size, mmap.MAP_SHARED | mmap.MAP_POPULATE, protection)
            os.close(descriptor)
        return {}

    def _forget(self, buffers: Sequence[int]) -> dict[str, Any]:
        """Drop mappings that will not be used again."""
        self._calls, self._outputs, self._scene = [], [], None
        for number in buffers:
            self._maps.pop(number, None)
        gc.collect(0)  # the young alone: a whole collection with PyTorch loaded takes 0.2 s
        return {}

    def _oracle(
        self, inputs: int, offsets: Sequence[int], axes: Mapping[str, int], targets: Sequence[Sequence[int]], seed: int
    ) -> dict[str, Any]:
        """Expected values and tolerances of one input set, written into ``targets``: three buffers an output."""
        tensors = self._tensors(inputs, offsets, axes)
        found = tolerance.calibrate(guarded(self._reference, self._problem), tensors, self._problem, dict(axes), seed)
        answer = []
        for (expected, room, otherwise), one in zip(targets, found, strict=True):
            _write(self._maps[expected], one.expected)
            _write(self._maps[room], one.tolerance)
            if one.otherwise is not None:
                _write(self._maps[otherwise], one.otherwise)
            answer.append({"level": one.level, "otherwise": one.otherwise is not None})
        return {"outputs": answer}

    def _draw(self, target: int, offsets: Sequence[int], axes: Mapping[str, int], seed: int) -> dict[str, Any]:
        """Inputs from the problem's own generator, written into ``target``."""
        for offset, drawn in zip(offsets, own_draws.draw(self._problem, axes, seed), strict=True):
            flat = drawn.reshape(-1)
            torch.frombuffer(self._maps[target], dtype=flat.dtype, count=flat.numel(), offset=offset).copy_(flat)
        return {}

    def _stage(
        self, baseline: str, workload: str, inputs: int, calls: Sequence[Sequence[int]], axes: Mapping[str, int]
    ) -> dict[str, Any]:
        """Get calls ready: the offsets of the inputs of each."""
        function = self._call if baseline == "eager" else self._compiled[workload]
        self._outputs = []
        self._calls = [(function, self._tensors(inputs, offsets, axes)) for offsets in calls]
        return {}

    def _collect(self, results: Sequence[int], offsets: Sequence[int]) -> dict[str, Any]:
        """Copy the outputs of the last calls into one buffer a call; [] drops them."""
        for number, outputs in zip(results, self._outputs, strict=False):
            for offset, output in zip(offsets, outputs, strict=True):
                flat = torch.frombuffer(self._maps[number], dtype=output.dtype, count=output.numel(), offset=offset)
                flat.view(output.shape).copy_(output)
        self._outputs = []
        return {}

    def _compile(self, workload: str, inputs: int, offsets: Sequence[int], axes: Mapping[str, int]) -> dict[str, Any]:
        """``torch.compile`` for one shape, called until it is warm; refuses a result that is not the reference's."""
        begin = time.perf_counter()
        tensors = self._tensors(inputs, offsets, axes)
        bound = os.sched_getaffinity(0)
        os.sched_setaffinity(0, os.sched_getaffinity(os.getppid()))  # compilers are children: let them have every core
        torch._dynamo.reset()
        plain = self._reference

        def reference(*arguments: torch.Tensor) -> Any:
            return plain(*arguments)

        compiled = torch.compile(reference, dynamic=False)
        try:
            outputs = as_tuple(compiled(*tensors))
        finally:
            os.sched_setaffinity(0, bound)
        for _ in range(2):
            outputs = as_tuple(compiled(*tensors))
        for own, wanted in zip(outputs, self._call(*tensors), strict=True):
            if own.dtype != wanted.dtype or own.shape != wanted.shape:
                raise TypeError(f"torch.compile gave {own.dtype} {tuple(own.shape)}")
        self._compiled[workload] = lambda *arguments: as_tuple(compiled(*arguments))
        gc.collect()
        gc.freeze()
        return {"seconds": time.perf_counter() - begin}

    def _examine(
        self,
        inputs: int,
        others: int,
        offsets: Sequence[int],
        axes: Mapping[str, int],
        recipe: str,
    ) -> dict[str, Any]:
        """Keep a call, and another of the same workload, for :meth:`_pretend`; say what is to be said of it."""
        mine, other = self._tensors(inputs, offsets, axes), self._tensors(others, offsets, axes)
        self._scene = pretend.Scene(self._problem, Workload(recipe, **axes), self._call, mine, other)
        return pretend.examine(self._scene)

    def _pretend(self, rule: str, arguments: Sequence[Any], target: int, offsets: Sequence[int]) -> dict[str, Any]:
        """Write a pretender's outputs; or say why it has none here."""
        assert self._scene is not None
        try:
            outputs = pretend.pretend(self._scene, rule, arguments)
        except pretend.Absent as reason:
            return {"absent": str(reason)}
        self._outputs = [outputs]
        self._collect([target], offsets)
        return {"absent": ""}

    def _trace(self, inputs: int, offsets: Sequence[int], axes: Mapping[str, int]) -> dict[str, Any]:
        """What one call does, and how many operations that is."""
        return trace.trace(self._call, self._tensors(inputs, offsets, axes))

    def _reads(self, inputs: int, offsets: Sequence[int], axes: Mapping[str, int]) -> dict[str, Any]:
        """How many bytes of its inputs one call reads."""
        return {"bytes": reads.read_bytes(self._call, self._tensors(inputs, offsets, axes))}

    def _repeat(self, inputs: int, offsets: Sequence[int], axes: Mapping[str, int]) -> dict[str, Any]:
        """Whether two calls with the same inputs give the same."""
        return {"varies": repeat.varies(self._call, self._tensors(inputs, offsets, axes), self._problem.outputs)}

    # ------------------------------------------------------------ tensors

    def _call(self, *arguments: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return as_tuple(self._reference(*arguments))

    def _tensors(self, inputs: int, offsets: Sequence[int], axes: Mapping[str, int]) -> tuple[torch.Tensor, ...]:
        memory = self._maps[inputs]
        found = (
            tolerance.tensor_at(memory, offset, tensor, axes)
            for offset, tensor in zip(offsets, self._problem.inputs.values(), strict=True)
        )
        return tuple(found if self._device is None else (tensor.to(self._device, copy=True) for tensor in found))


def _name(device: torch.device) -> str:
    """What baselines run on."""
    if device.type == "cpu":
        return "cpu"
    return f"{torch.cuda.get_device_name(device)}, CUDA {torch.version.cuda}"


def _settle(device: torch.device) -> None:
    """Baselines compute in the precision that their tensors have; the choice of algorithms is PyTorch's own."""
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    if device.type == "cuda":
        torch.cuda.set_device(device)


def _write(memory: mmap.mmap, values: Any) -> None:
    memory[: values.nbytes] = values.tobytes()


def _end_with_parent(descriptor: int) -> None:
    """End this process as soon as the parent's end of the socket is gone, whatever runs here then."""
    poll = select.poll()
    poll.register(descriptor, 0)  # hang-up is always reported
    poll.poll()
    os._exit(0)


def main(arguments: list[str]) -> int:
    """Serve the parent at the other end of the inherited socket."""
    warnings.filterwarnings("ignore", message="The given buffer is not writable")
    descriptor = int(arguments[0])
    threading.Thread(target=_end_with_parent, args=(descriptor,), daemon=True).start()
    channel = socket.socket(fileno=descriptor)
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    try:
        problem = execute(Path(arguments[1]))
    except Exception as error:  # noqa: BLE001 - told to the parent
        channel.send(json.dumps({"error": str(error)[:2000]}).encode())
        return 2
    gc.collect()
    gc.freeze()
    gc.disable()  # no pause inside a timed call; the parent asks for a collection between
    channel.send(json.dumps({"floats": list(FLOATS)}).encode())
    device = torch.device(arguments[2]) if len(arguments) > 2 else None
    if device is not None:
        _settle(device)
    with torch.no_grad():
        Server(problem, channel, device).serve()
    return 0


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)
