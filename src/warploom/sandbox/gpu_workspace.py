"""Scratch memory of a kernel on the device: zeros when a call begins, and a margin on both sides that stays."""

from __future__ import annotations

import ctypes
import os

from warploom.sandbox.gpu_driver import Driver

MARGIN_BYTES = 1 << 16
"""On each side."""


class Workspace:
    """So many bytes on the device; one call after another on the same stream may use them.

    Args:
        driver: the library.
        size: bytes.
    """

    def __init__(self, driver: Driver, size: int) -> None:
        self.driver, self.size = driver, size
        self.whole = int(driver.pointer("cuMemAlloc_v2", ctypes.c_size_t(size + 2 * MARGIN_BYTES)).value or 0)
        self.device = self.whole + MARGIN_BYTES
        self.margins = (self.whole, self.device + size)
        self.laid = os.urandom(MARGIN_BYTES)
        for place in self.margins:
            driver.call("cuMemcpyHtoD_v2", ctypes.c_uint64(place), self.laid, ctypes.c_size_t(MARGIN_BYTES))

    def fill(self, stream: ctypes.c_void_p) -> int:
        """Put on a stream that all of it becomes zeros; a status. What a call left here no later one finds."""
        set_bytes = self.driver.library.cuMemsetD8Async
        return int(set_bytes(ctypes.c_uint64(self.device), ctypes.c_ubyte(0), ctypes.c_size_t(self.size), stream))

    def intact(self) -> bool:
        """Whether nothing was written beside it."""
        found = ctypes.create_string_buffer(MARGIN_BYTES)
        for place in self.margins:
            self.driver.call("cuMemcpyDtoH_v2", found, ctypes.c_uint64(place), ctypes.c_size_t(MARGIN_BYTES))
            if found.raw != self.laid:
                return False
        return True

    def free(self) -> None:
        """Give it back."""
        self.driver.call("cuMemFree_v2", ctypes.c_uint64(self.whole))
