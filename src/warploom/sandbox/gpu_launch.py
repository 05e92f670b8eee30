"""One GPU as its worker holds it: memory, kernels, and the window in which a launch is timed."""

from __future__ import annotations

import ctypes
import random
import time
from collections.abc import Callable

from warploom.sandbox.gpu_driver import ATTRIBUTES, Driver
from warploom.sandbox.gpu_workspace import Workspace

_libc = ctypes.CDLL(None, use_errno=True)
_mmap = _libc.mmap
_mmap.restype = ctypes.c_void_p
_mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_int64]
_munmap = _libc.munmap
_munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]

_PROT_READ, _PROT_WRITE, _MAP_SHARED, _MAP_POPULATE = 1, 2, 0x1, 0x8000
_SHARED_BYTES = 8  # CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
_CAPTURE_THREAD = 1  # CU_STREAM_CAPTURE_MODE_THREAD_LOCAL
_SHARED_FREELY = 48 << 10
"""Dynamic shared memory that a launch may ask for without permission."""

LEAST_CLEARED_BYTES = 32 << 20
"""So much is written over at least to clear the L2 cache; four times its size where that is more."""

LONGEST_PAUSE_S = 0.0003
"""Before each call the device is idle for a random time up to this long."""

Work = Callable[..., int]
"""Puts something on a stream; gives a status."""


class Buffer:
    """Memory of the judge, mapped here, and as much on the device."""

    def __init__(self, driver: Driver, descriptor: int, size: int, writable: bool) -> None:
        self.driver, self.size = driver, size
        protection = _PROT_READ | (_PROT_WRITE if writable else 0)
        address = _mmap(None, size, protection, _MAP_SHARED | _MAP_POPULATE, descriptor, 0)
        if address in (None, 2**64 - 1):
            raise OSError(ctypes.get_errno(), "mapping a buffer")
        self.host = int(address)
        self.device = int(driver.pointer("cuMemAlloc_v2", ctypes.c_size_t(size)).value or 0)

    def upload(self, begin: int, end: int) -> None:
        """Copy a stretch to the device."""
        place, source = ctypes.c_uint64(self.device + begin), ctypes.c_void_p(self.host + begin)
        self.driver.call("cuMemcpyHtoD_v2", place, source, ctypes.c_size_t(end - begin))

    def download(self, begin: int, end: int, target: int = 0) -> None:
        """Copy a stretch back, or to another address."""
        place, source = ctypes.c_void_p(target or self.host + begin), ctypes.c_uint64(self.device + begin)
        self.driver.call("cuMemcpyDtoH_v2", place, source, ctypes.c_size_t(end - begin))

    def free(self) -> None:
        """Give both back."""
        self.driver.call("cuMemFree_v2", ctypes.c_uint64(self.device))
        _munmap(self.host, self.size)


class Call:
    """One launch, ready to be made.

    Args:
        kernel: what is launched.
        buffers: by their numbers in the words.
        workspace: a size → so much scratch memory.
        words: as :meth:`warploom.sandbox.gpu_worker.Worker._more` has them.
    """

    def __init__(
        self, kernel: Kernel, buffers: list[Buffer], workspace: Callable[[int], Workspace], words: list[str]
    ) -> None:
        first, second, *numbers = (int(word) for word in words[:7])
        self.inputs, self.outputs = buffers[first], buffers[second]
        self.begin, self.end = numbers[:2]
        self.kept: list[ctypes.c_uint64 | ctypes.c_int64 | ctypes.c_int32] = []
        self.workspace: Workspace | None = None
        base = {"i": self.inputs.device, "o": self.outputs.device, "n": 0}
        for word in words[7:]:
            if word[0] == "s":
                self.workspace = workspace(int(word[1:]))
                self.kept.append(ctypes.c_uint64(self.workspace.device))
            elif word[0] in base:
                self.kept.append(ctypes.c_uint64(base[word[0]] + int(word[1:] or 0)))
            else:
                self.kept.append((ctypes.c_int64 if word[0] == "q" else ctypes.c_int32)(int(word[1:])))
        places = [ctypes.addressof(one) for one in self.kept]
        self.places = (ctypes.c_void_p * len(places))(*places)
        sizes = (*numbers[2:], *kernel.block, kernel.shared_bytes)
        self.launch = (kernel.function, *(ctypes.c_uint(size) for size in sizes))


class Kernel:
    """A function of a module that is loaded."""

    def __init__(self, driver: Driver, code: bytes, name: str, block: list[int], shared_bytes: int) -> None:
        self.module = driver.pointer("cuModuleLoadData", code)
        self.function = driver.pointer("cuModuleGetFunction", self.module, name.encode())
        self.block, self.shared_bytes = block, shared_bytes
        if shared_bytes > _SHARED_FREELY:
            driver.call("cuFuncSetAttribute", self.function, ctypes.c_int(_SHARED_BYTES), ctypes.c_int(shared_bytes))


class Device:
    """One device: its context, scratch memory larger than its L2 cache, two events, a stream.

    Args:
        driver: the library.
        index: of the device.
    """

    def __init__(self, driver: Driver, index: int) -> None:
        self.driver = driver
        handle = ctypes.c_int(driver.number("cuDeviceGet", ctypes.c_int(index)))
        driver.call("cuCtxSetCurrent", driver.pointer("cuDevicePrimaryCtxRetain", handle))
        l2_bytes = driver.number("cuDeviceGetAttribute", ctypes.c_int(ATTRIBUTES["l2_bytes"]), handle)
        self.cleared = ctypes.c_size_t(max(LEAST_CLEARED_BYTES, 4 * l2_bytes))
        self.scratch = ctypes.c_uint64(driver.pointer("cuMemAlloc_v2", self.cleared).value or 0)
        self.start, self.stop = (driver.pointer("cuEventCreate", ctypes.c_uint(0)) for _ in range(2))
        self.stream = driver.pointer("cuStreamCreate", ctypes.c_uint(0))
        self.byte = 0

    def clear(self) -> None:
        """Write over the L2 cache with another byte each time, and wait for it."""
        self.byte = self.byte % 255 + 1
        self.driver.call("cuMemsetD8Async", self.scratch, ctypes.c_ubyte(self.byte), self.cleared, self.stream)
        self.driver.call("cuCtxSynchronize")

    def rest(self) -> None:
        """A cold cache, and nothing to do for a random moment."""
        self.clear()
        time.sleep(LONGEST_PAUSE_S * random.random())

    def window(self, work: Work, arguments: tuple[object, ...] = ()) -> int:
        """Nanoseconds of some work on the stream: the larger of the host's clock and the device's events.

        The host's window closes when the whole device is idle, whatever stream anything ran on.
        """
        library, clock = self.driver.library, time.perf_counter_ns
        record, synchronise = library.cuEventRecord, library.cuCtxSynchronize
        begin = clock()
        first = record(self.start, self.stream)
        status = work(*arguments)
        last = record(self.stop, self.stream)
        done = synchronise()
        end = clock()
        for name, code in (("cuEventRecord", first), (work.__name__, status), ("cuEventRecord", last)):
            self.driver.check(name, code)
        self.driver.check("the kernel", done)
        elapsed = ctypes.c_float()
        self.driver.call("cuEventElapsedTime", ctypes.byref(elapsed), self.start, self.stop)
        return max(end - begin, int(1e6 * elapsed.value))

    def copy(self, size: int, cold: bool) -> int:
        """Nanoseconds of one copy of so many bytes from device memory to device memory."""
        here = self.driver.pointer("cuMemAlloc_v2", ctypes.c_size_t(2 * size)).value or 0
        there, source = ctypes.c_uint64(here + size), ctypes.c_uint64(here)
        try:
            if cold:
                self.rest()
            arguments = (there, source, ctypes.c_size_t(size), self.stream)
            times = [self.window(self.driver.library.cuMemcpyDtoDAsync_v2, arguments) for _ in range(1 if cold else 5)]
            return min(times)
        finally:
            self.driver.call("cuMemFree_v2", ctypes.c_uint64(here))

    def graph(self, work: Work) -> Work:
        """What some work puts on the stream, as a graph that is ready to be launched."""
        driver, stream = self.driver, self.stream
        driver.call("cuStreamBeginCapture_v2", stream, ctypes.c_int(_CAPTURE_THREAD))
        driver.check("cuLaunchKernel", work())
        graph = ctypes.c_void_p()
        driver.call("cuStreamEndCapture", stream, ctypes.byref(graph))
        ready = driver.pointer("cuGraphInstantiateWithFlags", graph, ctypes.c_uint64(0))
        driver.call("cuGraphDestroy", graph)

        def replay() -> int:
            return int(driver.library.cuGraphLaunch(ready, stream))

        return replay
