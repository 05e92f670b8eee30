"""``kernelbench:LEVEL/NUMBER``: a problem of a KernelBench checkout. A file defines Model, get_inputs, get_init_inputs.

The module stays in training mode, as the benchmark runs it: batch norm takes the statistics of its batch.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from warploom.errors import ProblemError
from warploom.problems.importers.address import Address
from warploom.problems.importers.program import Found, Program
from warploom.problems.importers.sources import must_define, read_source

ROOT = "KERNELBENCH_ROOT"
_NEEDED = ("Model", "get_inputs")


def find(address: Address) -> Found:
    """The program at an address such as ``kernelbench:1/23``.

    Raises:
        ProblemError: there is no checkout, no such problem, or it lacks what the format asks for.
    """
    matched = re.fullmatch(r"(\d+)/(\d+)", address.place)
    if matched is None:
        raise ProblemError(f"{address}: a KernelBench problem is given by level and number, as in kernelbench:1/23")
    level, number = int(matched[1]), int(matched[2])
    folder = _levels(address) / f"level{level}"
    found = sorted(folder.glob(f"{number}_*.py")) if folder.is_dir() else []
    if not found:
        raise ProblemError(f"{address}: there is no {folder}/{number}_*.py in this checkout")
    path = found[0]
    text = read_source(path, address)
    must_define(text, _NEEDED, path, address)
    program = Program(((str(path), text),), "Model", construction="get_init_inputs")
    words = path.stem.split("_", 1)[1].strip("_")
    return Found(program, f"level{level}_{number}_{words}".lower(), f"KernelBench {level}/{number}: {words}")


def _levels(address: Address) -> Path:
    """The folder in which level1, level2, … lie."""
    named = address.root or os.environ.get(ROOT)
    if not named:
        raise ProblemError(f"{address}: say where the KernelBench checkout is: --root DIR, or {ROOT}=DIR")
    root = Path(named).expanduser().absolute()
    for folder in (root, root / "KernelBench", root / "KernelBench" / "KernelBench"):
        if any(folder.glob("level*/")):
            return folder
    raise ProblemError(f"{address}: {root} is no KernelBench checkout: no folder level1 in it or in its KernelBench")


def numbers(address: Address, level: str) -> list[int]:
    """The numbers of the problems of a level, in order.

    Raises:
        ProblemError: there is no checkout, or no such level in it.
    """
    folder = _levels(address) / f"level{level}"
    found = [int(matched[1]) for path in folder.glob("*.py") if (matched := re.match(r"(\d+)_", path.name))]
    if not found:
        raise ProblemError(f"{address}: there is no {folder} with problems in it")
    return sorted(found)
