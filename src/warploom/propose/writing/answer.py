"""An answer in words, taken apart: the idea in a line, the edits, the files. Hostile text of any form and size."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from warploom.errors import SourceError
from warploom.values.plain_text import printable

MOST_CHARACTERS = 400_000
"""What follows is not read: no kernel is so long."""

MOST_EDITS = 100
MOST_FENCES = 100
IDEA_CHARACTERS = 160

MOST_MENTIONS = 200
"""Places where a function is named that are looked at for its definition."""

MOST_PARAMETERS = 4000
"""Characters between a function's name and the brace of its body."""

FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,50}\.[A-Za-z]{1,4}")

_ENDS = re.compile(r"[;{}]")
_FENCE = re.compile(r"[ \t]*(?P<ticks>`{3,}|~{3,})[ \t]*(?P<info>[^`\n]*)")
_SEARCH = re.compile(r"[ \t]*<{5,9}[ \t]*SEARCH\b[^\n]*")
_MIDDLE = re.compile(r"[ \t]*={5,9}[ \t]*")
_REPLACE = re.compile(r"[ \t]*>{5,9}[ \t]*REPLACE\b[^\n]*")
_IDEA = re.compile(r"^[ \t*_#>-]*IDEA[*_]*[ \t]*:[*_ \t]*(?P<idea>\S[^\n]*)", re.IGNORECASE | re.MULTILINE)
_CODE = re.compile(
    r"\s*(#|//|/\*|extern\b|static\b|namespace\b|using\b|template\b|inline\b|typedef\b|struct\b|(TUNE|LAUNCH)[ \t]*\("
    r"|__(global|device|kernel|constant)__|__kernel\b|@triton\b|import triton\b|from triton\b|\"\"\")"
)


@dataclass(frozen=True)
class Edit:
    """One SEARCH/REPLACE block.

    Attributes:
        file: the name that stands above it, "" where there is none.
        search: lines that must be there.
        replace: what comes in their place.
    """

    file: str
    search: str
    replace: str


@dataclass(frozen=True)
class Fence:
    """One fenced block: its file name ("" where none is given), the words behind the fence, its text."""

    file: str
    info: str
    text: str


@dataclass(frozen=True)
class Answer:
    """What an answer holds.

    Attributes:
        idea: one line for people.
        edits: in order; none of them stands in ``fences``.
        fences: in order.
        text: the whole, cleaned.
    """

    idea: str
    edits: tuple[Edit, ...]
    fences: tuple[Fence, ...]
    text: str

    def bare_program(self, entry_point: str, language: str = "cpp") -> str:
        """The whole answer, when it is a program without any fence around it; "" when it is not."""
        is_code = not self.fences and not self.edits and _CODE.match(self.text)
        return self.text if is_code and defines(self.text, entry_point, language) else ""


def read(text: str) -> Answer:
    """Take an answer apart.

    Raises:
        SourceError: an edit without its middle or end, or too many edits or fences. The message is for the model.
    """
    text = clean(text)
    rest, edits = _without_edits(text.split("\n"))
    fences, prose = _fences(rest)
    return Answer(_idea(text, prose), tuple(edits), tuple(fences), text)


def clean(text: str) -> str:
    """The text in line feeds, without a byte-order mark, zero bytes and halves of characters, cut to what is read."""
    text = text[:MOST_CHARACTERS].removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return text.replace("\0", "").encode(errors="replace").decode()


def defines(source: str, entry_point: str, language: str = "cpp") -> bool:
    """Whether a source looks as if it defined this function.

    In C its name, brackets, and a brace before any semicolon; in Triton a ``def`` at the beginning of a line.
    """
    if language == "triton":
        return re.search(rf"^def {re.escape(entry_point)}\s*\(", source, re.MULTILINE) is not None
    for found in islice(re.finditer(rf"\b{re.escape(entry_point)}\s*\(", source), MOST_MENTIONS):
        end = _ENDS.search(source, found.end(), found.end() + MOST_PARAMETERS)
        if end and end[0] == "{" and ")" in source[found.end() : end.start()]:
            return True
    return False


def _without_edits(lines: list[str]) -> tuple[list[str], list[Edit]]:
    """The lines outside the edits, and the edits."""
    rest: list[str] = []
    edits: list[Edit] = []
    place = 0
    while place < len(lines):
        if not _SEARCH.fullmatch(lines[place]):
            rest.append(lines[place])
            place += 1
            continue
        number = len(edits) + 1
        if number > MOST_EDITS:
            raise SourceError(f"the answer has more than {MOST_EDITS} edits; give the whole program instead")
        middle = _next(lines, place + 1, _MIDDLE)
        end = _next(lines, middle + 1, _REPLACE) if middle else 0
        if not middle or not end:
            missing = ">>>>>>> REPLACE" if middle else "======="
            raise SourceError(f"edit {number}: the line {missing} that belongs to its <<<<<<< SEARCH is missing")
        search, replace = "\n".join(lines[place + 1 : middle]), "\n".join(lines[middle + 1 : end])
        edits.append(Edit(_named_above(rest), search, replace))
        place = end + 1
    return rest, edits


def _next(lines: list[str], place: int, pattern: re.Pattern[str]) -> int:
    """Number of the next line that is this marker, before another edit begins; 0 when there is none."""
    for number in range(place, len(lines)):
        if pattern.fullmatch(lines[number]):
            return number
        if _SEARCH.fullmatch(lines[number]):
            return 0
    return 0


def _named_above(lines: list[str]) -> str:
    """The file name that the last line gives which is neither empty nor a fence."""
    for line in reversed(lines[-4:]):
        if line.strip() and not _FENCE.fullmatch(line):
            words = line.replace("*", " ").replace("`", " ").replace("#", " ").rstrip(": ").split()
            return words[-1] if 0 < len(words) <= 2 and FILE_NAME.fullmatch(words[-1]) else ""
    return ""


def _fences(lines: list[str]) -> tuple[list[Fence], list[str]]:
    """The fenced blocks, and the lines outside of them. The last one may lack its end."""
    fences: list[Fence] = []
    prose: list[str] = []
    inside: list[str] = []
    ticks, info, name = "", "", ""
    for line in lines:
        fence = _FENCE.fullmatch(line)
        if not ticks and fence:
            if len(fences) >= MOST_FENCES:
                raise SourceError(f"the answer has more than {MOST_FENCES} fences; give the whole file in one")
            ticks, info, name, inside = fence["ticks"], fence["info"].strip(), _named_above(prose), []
        elif ticks and fence and fence["ticks"].startswith(ticks) and not fence["info"].strip():
            fences.append(_fence(info, name, inside))
            ticks = ""
        elif ticks:
            inside.append(line)
        else:
            prose.append(line)
    if ticks:
        fences.append(_fence(info, name, inside))
    return fences, prose


def _fence(info: str, name: str, lines: list[str]) -> Fence:
    words = re.split(r"[\s:=]+", info)
    first = re.fullmatch(r"\s*(?://|#)\s*file:\s*(\S+)\s*", lines[0]) if lines else None
    told = first[1] if first else next((word for word in reversed(words) if FILE_NAME.fullmatch(word)), name)
    return Fence(told if FILE_NAME.fullmatch(told) else "", info, "\n".join(lines[1 if first else 0 :]))


def _idea(text: str, prose: list[str]) -> str:
    """The line that says IDEA, or else the first line in words."""
    found = _IDEA.search(text)
    line = found["idea"] if found else "" if _CODE.match(text) else next(_worded(prose), "")
    return printable(" ".join(line.split()))[:IDEA_CHARACTERS].rstrip("*_ ")


def _worded(lines: list[str]) -> Iterator[str]:
    for line in lines:
        if any(letter.isalpha() for letter in line) and not FILE_NAME.fullmatch(line.strip(" *`#:")):
            yield line.strip(" #*>-")
