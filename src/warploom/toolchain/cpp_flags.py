"""Which compiler flags a candidate may bring."""

from __future__ import annotations

import re
from difflib import get_close_matches

ALLOWED: tuple[str, ...] = (
    "-O1",
    "-O2",
    "-O3",
    "-Ofast",
    "-ffast-math",
    "-fassociative-math",
    "-fcx-limited-range",
    "-ffinite-math-only",
    "-ffp-contract=fast",
    "-ffp-contract=off",
    "-ffp-contract=on",
    "-fgcse-after-reload",
    "-fipa-pta",
    "-fmodulo-sched",
    "-fno-associative-math",
    "-fno-finite-math-only",
    "-fno-math-errno",
    "-fno-semantic-interposition",
    "-fno-signed-zeros",
    "-fno-tree-loop-distribute-patterns",
    "-fno-tree-slp-vectorize",
    "-fno-tree-vectorize",
    "-fno-trapping-math",
    "-fno-unroll-loops",
    "-freciprocal-math",
    "-fsplit-loops",
    "-fstrict-aliasing",
    "-fno-strict-aliasing",
    "-ftree-slp-vectorize",
    "-ftree-vectorize",
    "-funroll-all-loops",
    "-funroll-loops",
    "-funsafe-math-optimizations",
    "-fvect-cost-model=cheap",
    "-fvect-cost-model=dynamic",
    "-fvect-cost-model=unlimited",
    "-fvect-cost-model=very-cheap",
    "-fwrapv",
    "-mprefer-vector-width=128",
    "-mprefer-vector-width=256",
    "-mprefer-vector-width=512",
    "-mprefer-vector-width=none",
)
"""Everything a candidate may ask for. All of them act on its own code alone: none reads a file, runs a program,
defines a macro or reaches the linker."""

GCC_ONLY = frozenset(
    flag
    for flag in ALLOWED
    if flag.startswith("-fvect-cost-model")
    or flag in ("-fcx-limited-range", "-fipa-pta", "-fno-tree-loop-distribute-patterns", "-fsplit-loops")
)
"""Those of them that clang++ does not know."""

_NUMBERED = re.compile(
    r"--param=(max-unroll-times|max-unrolled-insns|max-completely-peeled-insns|max-completely-peel-times"
    r"|vect-max-version-for-alias-checks|vect-epilogues-nomask|min-vect-loop-bound)=\d{1,6}"
)


def complaint(flag: str, gcc: bool = True) -> str:
    """Why a flag may not be used: one line that names it and the nearest that may, or "" when it may.

    Args:
        flag: as a candidate gives it.
        gcc: whether the compiler is g++; clang++ knows fewer.
    """
    known = [allowed for allowed in ALLOWED if gcc or allowed not in GCC_ONLY]
    if flag in known or (gcc and _NUMBERED.fullmatch(flag)):
        return ""
    near = get_close_matches(flag, known, n=1, cutoff=0.0)[0]
    return f"the flag {flag!r} is not on the whitelist; the nearest that is: {near}"


_CHANGE_MACROS = frozenset(
    (
        "-Ofast",
        "-fcx-limited-range",
        "-ffast-math",
        "-ffinite-math-only",
        "-fno-math-errno",
        "-fno-signed-zeros",
        "-freciprocal-math",
        "-funsafe-math-optimizations",
    )
)


def affects_headers(flag: str) -> bool:
    """Whether a flag changes macros or the target, so that a header precompiled without it cannot be used."""
    return flag.startswith("-m") or flag in _CHANGE_MACROS
