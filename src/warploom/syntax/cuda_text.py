"""The text of a CUDA or HIP kernel: where its entry point, its loops and its launch stand, by brackets and words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from warploom.errors import ProblemError
from warploom.syntax import launch

LAUNCH_KEYS = ("grid", "block", "shared", "workspace")
"""What the LAUNCH line of a CUDA or HIP kernel may say."""

_LAUNCH = re.compile(r"^[ \t]*LAUNCH[ \t]*\(.*$", re.MULTILINE)
_DEFINED = re.compile(r"(?P<head>\b__global__\s+void\b[^;{]*?\b(?P<name>[A-Za-z_]\w*)\s*\((?P<words>[^(){}]*)\)\s*)\{")
_FUNCTION = re.compile(
    r"^(?:template <[^\n]*>\n)?[^\n#{};]*\b(?:__device__|__global__)[^;{]*?"
    r"\b(?P<name>[A-Za-z_]\w*)\s*\((?P<words>[^(){}]*)\)\s*\{",
    re.MULTILINE,
)
_LOOP = re.compile(
    r"(?P<pragma>^[ \t]*#pragma unroll[^\n]*\n)?^(?P<indent>[ \t]*)for \((?P<head>[^;\n]*);", re.MULTILINE
)
_REPEATS = re.compile(r"\b(?:(?:for|while)\s*\(|do\b)")
_VEILED = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:[^\"\\\n]|\\.)*\"", re.DOTALL)


@dataclass(frozen=True)
class Loop:
    """One ``for``.

    Attributes:
        label: ``variable:number``, the number counting loops over a variable of this name from 1.
        begin: where its line begins, the pragma before it included.
        place: where the line of the ``for`` itself begins.
        indent: of that line.
    """

    label: str
    begin: int
    place: int
    indent: str


class CudaText:
    """A source.

    Args:
        text: of the source, TUNE and LAUNCH lines included.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.veiled = _VEILED.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
        """The text with comments and strings blanked, every place as it was."""

    @cached_property
    def entry(self) -> re.Match[str] | None:
        """The first ``__global__`` function: groups ``head`` (all before the body), ``name`` and ``words``."""
        return _DEFINED.search(self.veiled)

    @property
    def name(self) -> str:
        """Of the entry point; "" where there is none."""
        return self.entry["name"] if self.entry else ""

    @cached_property
    def body(self) -> tuple[int, int]:
        """Where the entry point's body stands, without its brackets; (0, 0) where there is none."""
        return (self.entry.end(), self.closing(self.entry.end())) if self.entry else (0, 0)

    def closing(self, begin: int) -> int:
        """Where the bracket stands that closes the one before ``begin``; the text's end where none does."""
        depth = 1
        for place in range(begin, len(self.veiled)):
            depth += (self.veiled[place] in "({") - (self.veiled[place] in ")}")
            if depth == 0:
                return place
        return len(self.veiled)

    @cached_property
    def functions(self) -> dict[str, tuple[tuple[int, int], str]]:
        """Name → where a function of the device stands, and its parameters, as written, in one line."""
        found = {}
        for match in _FUNCTION.finditer(self.veiled):
            end = min(self.closing(match.end()) + 1, len(self.text))
            found[match["name"]] = ((match.start(), end), " ".join(match["words"].replace("__restrict__", "").split()))
        return found

    @property
    def parameters(self) -> tuple[str, ...]:
        """The entry point's parameters, as written."""
        return tuple(" ".join(word.split()) for word in self.entry["words"].split(",")) if self.entry else ()

    @property
    def pointers(self) -> tuple[str, ...]:
        """Names of the parameters that are written through."""
        own = [word for word in self.parameters if "*" in word and not word.startswith("const ")]
        return tuple(re.split(r"\W+", word)[-1] for word in own)

    def words(self, name: str) -> tuple[str, ...]:
        """The parameters of a function of the device, as written; none where there is no such function."""
        return tuple(self.functions[name][1].split(", ")) if name in self.functions else ()

    def around(self, place: int) -> str:
        """The function of the device that a place is in; "" where it is in none."""
        return next((name for name, ((begin, end), _) in self.functions.items() if begin <= place < end), "")

    def repeated(self, place: int) -> bool:
        """Whether a place in the entry point stands in a loop."""
        for found in _REPEATS.finditer(self.veiled, *self.body):
            begin = found.end()
            if self.veiled[begin - 1] == "(":
                begin = self.closing(begin) + 1
            block = re.match(r"\s*\{", self.veiled[begin:])
            end = self.closing(begin + block.end()) if block else self._statement(begin)
            if found.start() <= place < end:
                return True
        return False

    def _statement(self, begin: int) -> int:
        """Where the statement that begins here ends: behind its semicolon, or behind its brackets."""
        depth = 0
        for place in range(begin, len(self.veiled)):
            letter = self.veiled[place]
            depth += (letter in "({") - (letter in ")}")
            if depth == 0 and letter in ";}":
                return place + 1
        return len(self.veiled)

    @property
    def loops(self) -> list[Loop]:
        """Every ``for`` that begins its line, in order."""
        found: list[Loop] = []
        count: dict[str, int] = {}
        for match in _LOOP.finditer(self.veiled):
            name = re.search(r"(\w+)\s*=", match["head"])
            variable = name[1] if name else "loop"
            count[variable] = count.get(variable, 0) + 1
            found.append(Loop(f"{variable}:{count[variable]}", match.start(), match.start("indent"), match["indent"]))
        return found

    @property
    def launch(self) -> tuple[int, int] | None:
        """Where the LAUNCH line stands; None where there is not one."""
        found = list(_LAUNCH.finditer(self.text))
        return found[0].span() if len(found) == 1 else None

    @property
    def launched(self) -> dict[str, list[str]]:
        """What the LAUNCH line says: each of :data:`LAUNCH_KEYS` → expressions; {} where it cannot be read."""
        if self.launch is None:
            return {}
        try:
            return launch.expressions(self.text[slice(*self.launch)], LAUNCH_KEYS)
        except ProblemError:
            return {}

    def fresh(self, name: str) -> str:
        """A name like this one that the source does not have."""
        taken = set(re.findall(r"[A-Za-z_]\w*", self.text))
        return next(one for one in (name, *(f"{name}_{count}" for count in range(2, 1000))) if one not in taken)


def as_c(expression: str) -> str:
    """An expression of a LAUNCH line in C: there ``/`` between integers divides downwards too, for none is negative."""
    return expression.replace("//", "/")
