"""Which functions of its process a kernel's library may not ask for.

A kernel shares its process with the worker that calls it, and the worker is Python: who can look functions up by name
can look into the worker's frames, and change them. No kernel needs that. It is a hurdle, not a wall: code that walks
the loader's own tables asks for nothing by name.
"""

from __future__ import annotations

import re
from pathlib import Path

from warploom.values.outcome import Failed

_LOOKS_UP = re.compile(rb"(dl(?:v?sym|m?open|info|addr1?|_iterate_phdr)|_dl_\w{1,64}|_r_debug|__libc_dl\w{1,32})\0")
"""Also as the end of a longer name: a linker keeps both in one place."""


def looked_up(library: bytes) -> str:
    """The first name in a library that finds other code of the process; "" where there is none."""
    found = _LOOKS_UP.search(library)
    return found[1].decode() if found else ""


def rejection(library: Path, log: str) -> Failed | None:
    """Why a library is not taken, with the compiler's messages; None when it is."""
    name = looked_up(library.read_bytes())
    said = f"the library asks for {name}: a kernel may not look up other code of its process"
    return Failed("build", "rejected", said, log) if name else None
