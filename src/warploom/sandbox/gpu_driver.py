"""The GPU driver's interface by ctypes: no CUDA toolkit, no PyTorch, nothing but the standard library."""

from __future__ import annotations

import ctypes

ATTRIBUTES: dict[str, int] = {
    "units": 16,
    "clock_khz": 13,
    "l2_bytes": 38,
    "block_shared_bytes": 97,
    "pageable": 88,
}
"""What is asked of a device, by the numbers of ``CUdevice_attribute``."""

_MAJOR, _MINOR = 75, 76

KINDS: dict[int, str] = {
    1: "limit",
    2: "out_of_memory",
    200: "load_error",
    209: "load_error",
    218: "load_error",
    222: "load_error",
    500: "load_error",
    701: "limit",
    702: "timeout",
}
"""``CUresult`` → kind of failure; every other one is a crash: the context is lost."""


class DriverError(Exception):
    """The driver said no."""

    def __init__(self, status: int, what: str) -> None:
        super().__init__(what)
        self.status = status


class Driver:
    """The driver's functions; each raises :class:`DriverError` where it gives an error.

    Args:
        path: of the library, "libcuda.so.1".
    """

    def __init__(self, path: str) -> None:
        self.library = ctypes.CDLL(path)
        self.call("cuInit", ctypes.c_uint(0))

    def call(self, name: str, *arguments: object) -> None:
        """Call one function."""
        self.check(name, getattr(self.library, name)(*arguments))

    def check(self, name: str, status: int) -> None:
        """Raise what a status means."""
        if status:
            raise DriverError(status, f"{self._word(status)} from {name}")

    def _word(self, status: int) -> str:
        word = ctypes.c_char_p()
        self.library.cuGetErrorName(ctypes.c_int(status), ctypes.byref(word))
        return (word.value or b"").decode(errors="replace") or f"error {status}"

    def number(self, name: str, *arguments: object) -> int:
        """The number that a function writes to its first argument."""
        found = ctypes.c_int()
        self.call(name, ctypes.byref(found), *arguments)
        return found.value

    def pointer(self, name: str, *arguments: object) -> ctypes.c_void_p:
        """The handle or address that a function writes to its first argument."""
        found = ctypes.c_void_p()
        self.call(name, ctypes.byref(found), *arguments)
        return found

    def device(self, index: int) -> dict[str, object]:
        """What is known of one device."""
        handle = ctypes.c_int(self.number("cuDeviceGet", ctypes.c_int(index)))
        name = ctypes.create_string_buffer(256)
        self.call("cuDeviceGetName", name, ctypes.c_int(256), handle)
        memory = ctypes.c_size_t()
        self.call("cuDeviceTotalMem_v2", ctypes.byref(memory), handle)
        identity = ctypes.create_string_buffer(16)
        self.call("cuDeviceGetUuid_v2", identity, handle)
        numbers = {key: self.number("cuDeviceGetAttribute", number, handle) for key, number in ATTRIBUTES.items()}
        capability = [self.number("cuDeviceGetAttribute", number, handle) for number in (_MAJOR, _MINOR)]
        return {
            "index": index,
            "name": name.value.decode(errors="replace"),
            "uuid": identity.raw.hex(),
            "capability": capability,
            "memory_bytes": memory.value,
            "driver": self.number("cuDriverGetVersion"),
            **numbers,
        }
