"""The process that runs a GPU kernel: ``python -m warploom.sandbox.gpu_worker DESCRIPTOR``.

Imports nothing but the standard library and the driver's interface. A candidate is device code alone, so this process
is ours: its clock and its answers can be believed (docs/decisions/0014). Called with the word ``devices`` and the path
of a driver it prints what GPUs there are, as JSON.

Messages are those of :mod:`warploom.sandbox.wire`, with a number behind ``ok`` where one was asked for.
"""

from __future__ import annotations

import array
import ctypes
import json
import os
import socket
import sys

from warploom.sandbox.gpu_driver import KINDS, Driver, DriverError
from warploom.sandbox.gpu_launch import Buffer, Call, Device, Kernel
from warploom.sandbox.gpu_workspace import Workspace

_libc = ctypes.CDLL(None)
_memcmp = _libc.memcmp
_memcmp.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]
_PR_SET_PDEATHSIG = 1


class InputChanged(Exception):  # noqa: N818 - reads as what happened
    """An input, or what lies between inputs, is not what it was."""


class WroteBeside(Exception):  # noqa: N818 - likewise
    """What lies beside the workspace is not what it was."""


class Worker:
    """Answers its owner's questions.

    Args:
        channel: the socket to the owner.
    """

    def __init__(self, channel: socket.socket) -> None:
        self.channel = channel
        self.buffers: list[Buffer] = []
        self.calls: list[Call] = []
        self.workspaces: dict[int, Workspace] = {}
        self.driver: Driver
        self.device: Device
        self.kernel: Kernel
        self.beside = ctypes.create_string_buffer(0)

    def serve(self) -> None:
        """Until the owner hangs up."""
        self.channel.send(f"hello {os.getpid()}".encode())
        while True:
            text, descriptors = self._receive()
            if not text:
                os._exit(0)
            head, *lines = text.split("\n")
            verb, token = head.split()
            try:
                found = getattr(self, f"_{verb}")(lines, descriptors)
                answer = f"{token} ok {found or 0}"
            except DriverError as error:
                answer = f"{token} failed {KINDS.get(error.status, 'crash')} {error}"
            except InputChanged as error:
                answer = f"{token} failed input_changed {error}"
            except WroteBeside as error:
                answer = f"{token} failed out_of_bounds {error}"
            except (OSError, AttributeError) as error:
                answer = f"{token} failed {'load_error' if verb in ('open', 'load') else 'protocol'} {error}"
            finally:
                for descriptor in descriptors:
                    os.close(descriptor)
            self.channel.send(answer.encode()[:4096])

    def _receive(self) -> tuple[str, list[int]]:
        data, extra, _, _ = self.channel.recvmsg(1 << 16, socket.CMSG_SPACE(4 * 200))
        descriptors = array.array("i")
        for level, kind, content in extra:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                descriptors.frombytes(content)
        return data.decode(), list(descriptors)

    # ------------------------------------------------------------ what can be asked

    def _open(self, lines: list[str], descriptors: list[int]) -> None:
        """``library``, ``index``: the device. Ends when its owner does."""
        _libc.prctl(_PR_SET_PDEATHSIG, 9, 0, 0, 0)
        self.driver = Driver(lines[0])
        self.device = Device(self.driver, int(lines[1]))

    def _load(self, lines: list[str], descriptors: list[int]) -> None:
        """``kernel``, ``x y z shared``, the code beside it."""
        *block, shared = (int(word) for word in lines[1].split())
        code = os.pread(descriptors[0], os.fstat(descriptors[0]).st_size, 0)
        self.kernel = Kernel(self.driver, code, lines[0], block, shared)

    def _stage(self, lines: list[str], descriptors: list[int]) -> None:
        """Forget the calls before, then as :meth:`_more`."""
        self.calls.clear()
        while self.buffers:
            self.buffers.pop().free()
        while self.workspaces:
            self.workspaces.popitem()[1].free()
        self._more(lines, descriptors)

    def _more(self, lines: list[str], descriptors: list[int]) -> None:
        """Lines ``map size writable begin``, a descriptor each, and ``call input output begin end x y z argument…``."""
        waiting = iter(descriptors)
        for verb, *words in (line.split() for line in lines):
            if verb == "map":
                self.buffers.append(Buffer(self.driver, next(waiting), int(words[0]), words[1] == "1"))
            else:
                self.calls.append(Call(self.kernel, self.buffers, self._workspace, words))

    def _workspace(self, size: int) -> Workspace:
        """One for all calls that ask for as much: they are made one after another."""
        if size not in self.workspaces:
            self.workspaces[size] = Workspace(self.driver, size)
        return self.workspaces[size]

    def _go(self, lines: list[str], descriptors: list[int]) -> int:
        """Make the staged calls one by one; nanoseconds of all windows together."""
        return sum(self._alone(call) for call in self.calls)

    def _train(self, lines: list[str], descriptors: list[int]) -> int:
        """``1`` to replay a graph: nanoseconds of the staged calls back to back.

        A train that does not count goes before, on the content that the device holds from earlier calls: what is timed
        was never seen.
        """
        work = self.device.graph(self._row) if lines[0] == "1" else self._row
        self.driver.check("cuLaunchKernel", work())
        self.driver.call("cuCtxSynchronize")
        for call in self.calls:
            self._bring(call)
        self.device.clear()
        elapsed = self.device.window(work)
        for call in self.calls:
            self._take(call)
        return elapsed

    def _row(self) -> int:
        return max(self.launch_on_zeros(call) for call in self.calls)

    def launch_on_zeros(self, call: Call) -> int:
        """Zeros into the workspace, if there is one, and behind that the launch; a status."""
        filled = call.workspace.fill(self.device.stream) if call.workspace else 0
        return max(filled, int(self.driver.library.cuLaunchKernel(*self._launch(call))))

    def _copy(self, lines: list[str], descriptors: list[int]) -> int:
        """``bytes cold``: nanoseconds of a copy on the device."""
        size, cold = (int(word) for word in lines[0].split())
        return self.device.copy(size, cold == 1)

    # ------------------------------------------------------------ calls

    def _alone(self, call: Call) -> int:
        """One call on a cold, idle device that holds nothing of the calls to come."""
        self._bring(call)
        self.device.rest()
        if call.workspace:
            elapsed = self.device.window(self.launch_on_zeros, (call,))
        else:
            elapsed = self.device.window(self.driver.library.cuLaunchKernel, self._launch(call))
        self._take(call)
        return elapsed

    def _launch(self, call: Call) -> tuple[object, ...]:
        return (*call.launch, self.device.stream, call.places, None)

    def _bring(self, call: Call) -> None:
        """Inputs, and outputs as the judge laid them: poison and guards."""
        call.inputs.upload(call.begin, call.end)
        call.outputs.upload(0, call.outputs.size)

    def _take(self, call: Call) -> None:
        """Outputs, guards and all; and see that the inputs are what they were."""
        call.outputs.download(0, call.outputs.size)
        size = call.end - call.begin
        if len(self.beside) < size:
            self.beside = ctypes.create_string_buffer(size)
        address = ctypes.addressof(self.beside)
        call.inputs.download(call.begin, call.end, address)
        if _memcmp(address, call.inputs.host + call.begin, size):
            raise InputChanged("the kernel wrote to an input")
        if call.workspace and not call.workspace.intact():
            raise WroteBeside("the kernel wrote outside of its workspace")


def main() -> None:
    """Serve the owner, or say what devices there are."""
    if sys.argv[1] != "devices":
        Worker(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, 0, int(sys.argv[1]))).serve()
        return
    try:
        driver = Driver(sys.argv[2])
        devices = [driver.device(index) for index in range(driver.number("cuDeviceGetCount"))]
        answer: dict[str, object] = {"devices": devices}
    except (OSError, AttributeError, DriverError) as error:
        answer = {"error": str(error)}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
