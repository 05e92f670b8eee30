"""The program that an imported problem holds, read off the problem's text. Nothing is run."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from warploom.errors import ProblemError
from warploom.problems.importers.program import Program

FOREIGN = "Foreign"
"""What the reference of an imported problem is made by, see :mod:`warploom.problems.importers.writing`."""


@dataclass(frozen=True)
class Imported:
    """A reference in somebody else's format.

    Attributes:
        program: the sources, and how they are called.
        state: parameters and buffers behind the example arguments, in the kernel's order.
        room: places among the example arguments that hold results and are no inputs of the kernel.
    """

    program: Program
    state: tuple[str, ...]
    room: tuple[int, ...]

    @property
    def format(self) -> str:
        """The exchange format it belongs to: "flashinfer", "gpumode", or "kernelbench" for any other module."""
        if self.program.entry == "run" and self.program.arguments == "inputs":
            return "flashinfer"
        return "gpumode" if self.program.entry == "ref_kernel" else "kernelbench"


def imported(text: str, where: str) -> Imported | None:
    """What the text of a problem file says about the program that it was made from; None for a native problem.

    Args:
        text: of the problem file.
        where: the file's name, for messages.

    Raises:
        ProblemError: it is an imported problem, but was changed by hand.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None  # whoever needs the text says so
    for node in tree.body:
        match node:
            case ast.Assign(value=ast.Call(func=ast.Name(id=name), args=[program], keywords=keywords)) if (
                name == FOREIGN
            ):
                try:
                    words: Mapping[str, Any] = {one.arg or "": ast.literal_eval(one.value) for one in keywords}
                    return Imported(
                        Program.from_mapping(ast.literal_eval(program)),
                        tuple(words.get("state", ())),
                        tuple(words.get("room", ())),
                    )
                except (ValueError, TypeError, LookupError) as error:
                    raise ProblemError(f"{where}: the imported program cannot be read: {error}") from None
    return None
