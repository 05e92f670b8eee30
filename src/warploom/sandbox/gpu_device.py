"""The GPUs of this machine, as their driver describes them; asked in a process of its own, which opens no context."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from warploom.values.architecture import Architecture, of_capability
from warploom.values.keys import without_keys

LIBRARY = "libcuda.so.1"
"""NVIDIA's driver, by the name under which the loader finds it."""

_SECONDS = 60.0
_ORDER = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
"""So that every process counts devices alike."""


@dataclass(frozen=True)
class GpuDevice:
    """One GPU.

    Attributes:
        index: as the driver counts here.
        name: "NVIDIA H200".
        uuid: of this very device.
        capability: (9, 0).
        units: multiprocessors.
        clock_khz: highest clock of a multiprocessor.
        memory_bytes: of the device.
        l2_bytes: of its L2 cache.
        driver: version of the driver's interface: 13000 is 13.0.
        pageable: whether device code can read pageable memory of the host.
        library: the driver.
        torch: PyTorch's name of the device on which references and baselines are computed.
    """

    index: int
    name: str
    uuid: str
    capability: tuple[int, int]
    units: int
    clock_khz: int
    memory_bytes: int
    l2_bytes: int
    driver: int
    pageable: bool
    library: str = LIBRARY
    torch: str = "cuda"

    @property
    def architecture(self) -> Architecture | None:
        """What to compile for: the one with everything that this device alone has; None where it is not known."""
        return of_capability(*self.capability)

    @property
    def driver_version(self) -> str:
        """As in "driver 13.0"."""
        return f"driver {self.driver // 1000}.{self.driver % 1000 // 10}"


def environment() -> dict[str, str]:
    """Of every process that uses a GPU: ours, without keys, with devices counted alike."""
    return without_keys(os.environ) | _ORDER


@functools.cache
def find_devices(library: str = LIBRARY) -> tuple[GpuDevice, ...]:
    """Every GPU that this driver can use here; none where there is no driver. Looked for once in this process."""
    command = [sys.executable, "-m", "warploom.sandbox.gpu_worker", "devices", library]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=True,
            env=environment(),
            stdin=subprocess.DEVNULL,
        )
        answer: Mapping[str, Any] = json.loads(done.stdout)
        return tuple(_device(one, library) for one in answer.get("devices", ()))
    except (OSError, subprocess.SubprocessError, ValueError, LookupError, TypeError):
        return ()


def _device(said: Mapping[str, Any], library: str) -> GpuDevice:
    major, minor = said["capability"]
    return GpuDevice(
        index=int(said["index"]),
        name=str(said["name"]),
        uuid=str(said["uuid"]),
        capability=(int(major), int(minor)),
        units=int(said["units"]),
        clock_khz=int(said["clock_khz"]),
        memory_bytes=int(said["memory_bytes"]),
        l2_bytes=int(said["l2_bytes"]),
        driver=int(said["driver"]),
        pageable=bool(said["pageable"]),
        library=library,
        torch=f"cuda:{int(said['index'])}",
    )
