"""A foreign program: source texts, and how what they define is called. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Program:
    """Sources of a problem in somebody else's format.

    Attributes:
        files: (path, text) each; the last one defines everything below, the others can be imported by their stems.
        entry: name of the function, or of the ``torch.nn.Module`` class, that is the reference.
        arguments: name of the function that makes example arguments, or of the arguments themselves.
        construction: name of the function that makes a module class's arguments; "" where it takes none.
        training: whether a module stays in training mode.
        settings: where example arguments take keywords: the sizes to call with, the first is the one that matters.
        one_argument: the example arguments are a single argument, whatever they are made of.
        ranks: every rank of a job has arguments of its own, made with ``rank``; all ranks together are the program.
    """

    files: tuple[tuple[str, str], ...]
    entry: str
    arguments: str = "get_inputs"
    construction: str = ""
    training: bool = True
    settings: tuple[Mapping[str, Any], ...] = ()
    one_argument: bool = False
    ranks: bool = False

    def to_mapping(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @staticmethod
    def from_mapping(values: Mapping[str, Any]) -> Program:
        """The inverse of :meth:`to_mapping`."""
        files = tuple((str(path), str(text)) for path, text in values["files"])
        settings = tuple(dict(one) for one in values["settings"])
        return Program(**{**values, "files": files, "settings": settings})


@dataclass(frozen=True)
class Found:
    """What a format's file found at an address.

    Attributes:
        program: the sources.
        name: for the problem; made a plain identifier later.
        title: one line for people.
    """

    program: Program
    name: str
    title: str
