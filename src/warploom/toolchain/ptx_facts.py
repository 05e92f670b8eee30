"""Numbers read off PTX and off what ptxas says."""

from __future__ import annotations

import re

_INSTRUCTION = re.compile(r"^[ \t]*(?:@!?%\w+[ \t]+)?(?P<op>[a-z][a-z0-9_.:]*(?:::\w+)?[\w.:]*)[ \t;{]", re.MULTILINE)
_USED = re.compile(r"Used (\d+) registers")
_SPILLS = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
_SHARED = re.compile(r"(\d+)(?:\+\d+)? bytes smem")

KINDS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("matrix_instructions", r"(wgmma\.mma_async|mma\.|wmma\.mma|tcgen05\.mma)"),
        ("async_copies", r"(cp\.async(?!\.(wait|commit))|cp\.async\.bulk)"),
        ("global_loads", r"ld\.global"),
        ("global_stores", r"st\.global"),
        ("shared_accesses", r"(ld|st)\.shared|ldmatrix|stmatrix"),
        ("local_accesses", r"(ld|st)\.local"),
        ("fma_instructions", r"fma\."),
        ("special_functions", r"(ex2|lg2|rsqrt|rcp|sqrt|sin|cos|tanh)\."),
        ("barriers", r"(bar|barrier)\."),
        ("shuffles", r"(shfl|redux)\."),
        ("atomics", r"(atom|red)\."),
    )
)


def instruction_mix(ptx: str) -> dict[str, int]:
    """Count the instructions of a PTX module by kind.

    Returns:
        ``instructions``, those of :data:`KINDS`, and ``wide_accesses``: global loads and stores of a vector of
        two, four or eight.
    """
    count = dict.fromkeys(("instructions", *(name for name, _ in KINDS), "wide_accesses"), 0)
    body = ptx[ptx.find("{") :]
    for match in _INSTRUCTION.finditer(body):
        op = match["op"]
        count["instructions"] += 1
        for name, pattern in KINDS:
            if pattern.match(op):
                count[name] += 1
                break
        if op.startswith(("ld.global", "st.global")) and re.search(r"\.v[248]\b", op):
            count["wide_accesses"] += 1
    return count


def resources(said: str, kernel: str) -> dict[str, int]:
    """What ptxas, called with ``-v``, said of one entry function.

    Args:
        said: its output. Of several passages about the kernel the last counts: ptxas speaks after the front end, and
            a source can make the front end print what it likes.
        kernel: the function's name.

    Returns:
        ``registers`` of a thread, ``stack_bytes``, ``spill_bytes`` (stores and loads together) and ``shared_bytes``,
        static; {} where it said nothing.
    """
    start = said.rfind(f"Compiling entry function '{kernel}'")
    if start < 0:
        return {}
    passage = said[start:]
    end = passage.find("Compiling entry function", 1)
    passage = passage[:end] if end > 0 else passage
    used = _USED.search(passage)
    if used is None:
        return {}
    own = passage[max(0, passage.find(f"Function properties for {kernel}")) :]
    spills, shared = _SPILLS.search(own), _SHARED.search(passage)
    return {
        "registers": int(used[1]),
        "stack_bytes": int(spills[1]) if spills else 0,
        "spill_bytes": int(spills[2]) + int(spills[3]) if spills else 0,
        "shared_bytes": int(shared[1]) if shared else 0,
    }


def arguments(ptx: str, kernel: str) -> int:
    """Parameters of an entry function; 0 where it is absent."""
    found = re.search(rf"\.entry\s+{re.escape(kernel)}\s*\(([^)]*)\)", ptx)
    return len(re.findall(r"\.param\b", found[1])) if found else 0
