"""Headers put before a candidate: its own standard headers precompiled, and the signature it must have."""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from warploom.toolchain import cpp_cache
from warploom.toolchain.cpp_jail import BuildJail
from warploom.values.signature import Signature

SIGNATURE_HEADER = "warploom_signature.h"

_HEAVY = (
    "algorithm",
    "array",
    "atomic",
    "cmath",
    "complex",
    "cstdlib",
    "functional",
    "immintrin.h",
    "limits",
    "math.h",
    "memory",
    "numeric",
    "stdlib.h",
    "tuple",
    "type_traits",
    "utility",
    "vector",
    "x86intrin.h",
)
"""Headers that cost more to read than their precompiled form costs to map."""

_INCLUDE = re.compile(r"^[ \t]*#[ \t]*include[ \t]*<([^>\n]+)>", re.MULTILINE)


def signature_header(signature: Signature) -> str:
    """A header after which a definition of the entry point with another signature is an error."""
    return f"#pragma once\n#include <stdint.h>\n{signature.c_declaration()};\n"


def heavy_includes(sources: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """The headers worth precompiling that these sources include, each once, sorted.

    Exactly these are put before the candidate, so that nothing compiles here that would not compile elsewhere.
    """
    found = {name.strip() for _, text in sources for name in _INCLUDE.findall(text)}
    return tuple(name for name in _HEAVY if name in found)


def precompiled(
    cache: Path,
    jail: BuildJail,
    compiler: str,
    version: str,
    flags: Sequence[str],
    includes: Sequence[str],
    timeout_s: float,
) -> str:
    """A folder with ``pre.h`` and its precompiled form, made once for a compiler, flags and set of headers.

    Args:
        cache: the build cache.
        jail: where the compiler runs.
        compiler: its path.
        version: of the compiler and target, part of the key.
        flags: those that change macros or the target; the compiler checks again and ignores what does not fit.
        includes: from :func:`heavy_includes`.
        timeout_s: for making it.

    Returns:
        The folder's name inside ``cache / "headers"``; "" when it could not be made, and the build goes on without.
    """
    folder = cache / "headers"
    folder.mkdir(parents=True, exist_ok=True)
    name = cpp_cache.key(("headers 1", version, *flags, "includes", *includes))
    if (folder / name / "pre.h.gch").exists():
        return name
    with cpp_cache.scratch(folder) as new:
        new.chmod(0o755)
        (new / "pre.h").write_text("".join(f"#include <{header}>\n" for header in includes))
        command = [compiler, *flags, "-x", "c++-header", "pre.h", "-o", "pre.h.gch"]
        if jail.run(shlex.join(command), new, folder, timeout_s) != 0:
            return ""
        (new / "log.txt").unlink()
        with contextlib.suppress(OSError):  # another builder was first
            new.rename(folder / name)
    return name
