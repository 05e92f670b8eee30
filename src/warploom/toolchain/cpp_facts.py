"""Numbers that can be read off a build: the vectoriser's report and the instructions of the object."""

from __future__ import annotations

import re

_REPORT = re.compile(r"^(?P<place>[^:\n]+:\d+:\d+): (?P<kind>optimized|missed):\s+(?P<text>.*)$", re.MULTILINE)
_INSTRUCTION = re.compile(r"^\s+[0-9a-f]+:\t(?P<mnemonic>\S+)(?P<operands>.*)$", re.MULTILINE)
_MATH = re.compile(
    r"<(?:_ZGV\w+|(?:a?(?:sin|cos|tan)h?|atan2|exp|exp2|exp10|expm1|log|log2|log10|log1p|pow|cbrt|hypot|erfc?|[tl]gamma"
    r"|fmod|remainder|sqrt|f(?:ma|max|min)|floor|ceil|round|trunc|rint|nearbyint|ldexp|sincos)[fl]?)(?:@plt)?>"
)


def vectorisation(report: str, file: str) -> dict[str, int]:
    """Count loops in the compiler's vectorisation report.

    Args:
        report: what ``-fopt-info-vec`` wrote.
        file: only loops of this file count.

    Returns:
        ``vectorised_loops`` (places where a loop became vector code) and ``missed_loops`` (places where it could not,
        and no other loop of the same place did).
    """
    done, missed = set(), set()
    for match in _REPORT.finditer(report):
        place = match["place"]
        if place.rpartition(":")[0].rpartition(":")[0].rpartition("/")[2] != file:
            continue
        if match["kind"] == "optimized" and match["text"].startswith("loop vectorized"):
            done.add(place)
        elif match["kind"] == "missed" and match["text"].startswith("couldn't vectorize loop"):
            missed.add(place)
    return {"vectorised_loops": len(done), "missed_loops": len(missed - done)}


def instruction_mix(listing: str) -> dict[str, int]:
    """Count instructions in a disassembly of x86-64 code (AT&T syntax, as objdump prints it).

    Returns:
        ``instructions``; ``zmm_instructions`` and ``ymm_instructions`` (with a register of that width);
        ``fma_instructions``; ``vector_spills`` (stores of a vector register to the stack) and ``spill_bytes`` (their
        width together); ``math_calls`` (to functions of libm or libmvec); ``gathers``.
    """
    count = dict.fromkeys(
        (
            "instructions",
            "zmm_instructions",
            "ymm_instructions",
            "fma_instructions",
            "vector_spills",
            "spill_bytes",
            "math_calls",
            "gathers",
        ),
        0,
    )
    for match in _INSTRUCTION.finditer(listing):
        mnemonic, operands = match["mnemonic"], match["operands"]
        count["instructions"] += 1
        wide = 64 if "%zmm" in operands else 32 if "%ymm" in operands else 16 if "%xmm" in operands else 0
        if wide == 64:
            count["zmm_instructions"] += 1
        elif wide == 32:
            count["ymm_instructions"] += 1
        if mnemonic.startswith(("vfmadd", "vfmsub", "vfnmadd", "vfnmsub")):
            count["fma_instructions"] += 1
        elif mnemonic.startswith(("vgather", "vpgather")):
            count["gathers"] += 1
        elif mnemonic in ("call", "callq", "jmp") and _MATH.search(operands):
            count["math_calls"] += 1
        elif wide and mnemonic.startswith(("vmov", "mov")) and re.search(r",-?(0x[0-9a-f]+)?\(%r[sb]p\)", operands):
            count["vector_spills"] += 1
            count["spill_bytes"] += wide
    return count
