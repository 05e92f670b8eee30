"""What of this machine a worker needs to see: an interpreter, its standard library, and the C runtime."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from warploom.errors import ToolchainError

WORKER = Path(__file__).with_name("worker.py")
"""The file a worker runs."""

_LIST_LIBRARIES = """
import array, ctypes, os, resource, _signal, _socket, sys
for name in sys.argv[1:]:
    try: ctypes.CDLL(name)
    except OSError: pass
class Info(ctypes.Structure):
    _fields_ = [("address", ctypes.c_void_p), ("name", ctypes.c_char_p)]
@ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(Info), ctypes.c_size_t, ctypes.c_void_p)
def show(info, size, data):
    if info[0].name: print(os.fsdecode(info[0].name))
    return 0
ctypes.CDLL(None).dl_iterate_phdr(show, None)
"""

_RUNTIME_LIBRARIES = (
    "libgomp.so.1",
    "libomp.so",
    "libomp.so.5",
    "libstdc++.so.6",
    "libgcc_s.so.1",
    "libatomic.so.1",
    "libm.so.6",
    "libmvec.so.1",
    "libpthread.so.0",
    "libdl.so.2",
    "librt.so.1",
)


@dataclass(frozen=True)
class Runtime:
    """Paths on this machine.

    Attributes:
        interpreter: the real interpreter, behind virtual environments and version managers.
        standard_library: its directories.
        site_packages: directories inside those which hold installed packages; a worker sees them empty.
        libraries: shared libraries by the path under which the loader found them.
    """

    interpreter: str
    standard_library: tuple[str, ...]
    site_packages: tuple[str, ...]
    libraries: tuple[str, ...]

    @property
    def library_path(self) -> str:
        """Where the loader must look for them: an ``LD_LIBRARY_PATH``."""
        return ":".join(dict.fromkeys(str(Path(library).parent) for library in self.libraries))


@functools.cache
def find_runtime() -> Runtime:
    """Look once what a worker needs.

    Raises:
        ToolchainError: this interpreter cannot run on its own or lacks ctypes.
    """
    # `_base_executable` sees through a virtual environment; realpath sees through the links behind it.
    interpreter = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
    paths = sysconfig.get_paths(vars={"base": sys.base_prefix, "platbase": sys.base_exec_prefix})
    standard = tuple(dict.fromkeys(os.path.realpath(paths[key]) for key in ("stdlib", "platstdlib")))
    try:
        listing = subprocess.run(
            [interpreter, "-I", "-S", "-E", "-c", _LIST_LIBRARIES, *_RUNTIME_LIBRARIES],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
            env={"PATH": "/usr/bin:/bin"},
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        detail = getattr(error, "stderr", None) or error
        raise ToolchainError(
            f"the Python at {interpreter} cannot start a worker ({str(detail).strip()[-200:]}); it needs ctypes"
        ) from error
    inside = tuple(f"{directory}/" for directory in standard)
    libraries = tuple(line for line in listing.splitlines() if line.startswith("/") and not line.startswith(inside))
    packages = tuple(
        f"{directory}/{name}"
        for directory in standard
        for name in ("site-packages", "dist-packages")
        if Path(directory, name).is_dir()
    )
    return Runtime(interpreter, standard, packages, libraries)
