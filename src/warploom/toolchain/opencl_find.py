"""Where PoCL is: the library that runs OpenCL kernels on a processor, and the loader that programs ask for it."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

HOW_TO_GET = "pip install 'warploom[opencl]' (or, from the system: apt-get install pocl-opencl-icd ocl-icd-libopencl1)"
_VENDORS = Path("/etc/OpenCL/vendors")


@dataclass(frozen=True)
class Pocl:
    """An installation.

    Attributes:
        loader: ``libOpenCL``, which a program calls.
        driver: ``libpocl``, which the loader calls.
        roots: folders that both read.
    """

    loader: str
    driver: str
    roots: tuple[str, ...]


def find_pocl() -> Pocl | None:
    """The Python package's PoCL, else the system's; None where there is neither."""
    return next(chain(_packaged(), _installed()), None)


def _packaged() -> Iterator[Pocl]:
    for place in _places("pyopencl"):
        folder = place / ".libs"
        loaders, drivers = sorted(folder.glob("libOpenCL*.so*")), sorted(folder.glob("libpocl*.so*"))
        beside = [str(one / ".libs") for one in _places("pocl_binary_distribution")]
        if loaders and drivers and beside:
            yield Pocl(str(loaders[0]), str(drivers[0]), (str(folder), *beside))


def _installed() -> Iterator[Pocl]:
    folders = [path for pattern in ("lib/*-linux-gnu", "lib64", "lib") for path in sorted(Path("/usr").glob(pattern))]
    loaders = [folder / "libOpenCL.so.1" for folder in folders if (folder / "libOpenCL.so.1").exists()]
    for vendor in sorted(_VENDORS.glob("*pocl*.icd")) if loaders else ():
        said = vendor.read_text(errors="replace").strip()
        drivers = [Path(said)] if said.startswith("/") else [folder / said for folder in folders]
        for driver in drivers:
            if re.fullmatch(r"[\w./+-]+", said) and driver.exists():
                yield Pocl(str(loaders[0]), str(driver), ())


def _places(package: str) -> list[Path]:
    """Folders of an installed package, without importing it."""
    spec = importlib.util.find_spec(package)
    return [Path(place) for place in (spec.submodule_search_locations if spec else None) or ()]
