"""What kind of kernel a GPU text is, from the instructions that its compiler made of it.

The same three axes as on a processor (:mod:`warploom.archive.descriptors`), read off the build's facts alone:

========== ============== =================== =================== =================
axis       0              1                   2                   3
========== ============== =================== =================== =================
memory     element-wise   wide accesses       shared memory       copies on the way
computation –             without units       –                   matrix units
spread     threads alone  warps, by shuffles  blocks, by barriers both
========== ============== =================== =================== =================
"""

from __future__ import annotations

from collections.abc import Mapping


def describe_gpu(facts: Mapping[str, int]) -> tuple[int, int, int]:
    """The level on each axis, 0 to 3.

    Args:
        facts: of the build, those of its first architecture under their plain names.
    """

    def has(name: str) -> bool:
        return facts.get(name, 0) > 0

    memory = 3 if has("async_copies") else 2 if has("shared_bytes") else int(has("wide_accesses"))
    return memory, 3 if has("matrix_instructions") else 1, 2 * has("barriers") + has("shuffles")
