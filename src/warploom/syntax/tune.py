"""``TUNE(NAME, default, choices…)`` lines: parameters that the tuner owns.

Each stands alone on a line of the source. ``resolve`` turns it into ``#define NAME value`` on that same line, so that
line numbers in the compiler's messages keep their meaning.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from warploom.errors import SourceError
from warploom.values.candidate import Scalar

_LINE = re.compile(r"^[ \t]*TUNE[ \t]*\(")
_WHOLE = re.compile(r"^[ \t]*TUNE[ \t]*\((?P<inside>[^()]*)\)[ \t]*;?[ \t]*(//.*)?$")
_NAME = re.compile(r"[A-Za-z_]\w*")
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_FLOAT = re.compile(r"[+-]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)([eE][+-]?[0-9]+)?")
_FORM = "write TUNE(NAME, default, choice, choice…) on a line of its own"


@dataclass(frozen=True)
class TuneLine:
    """One declared parameter.

    Attributes:
        name: the macro it becomes.
        default: its value when none is given.
        choices: every value it may take, the default among them.
        line: number of its line, from 1.
    """

    name: str
    default: Scalar
    choices: tuple[Scalar, ...]
    line: int


def declared(source: str) -> tuple[TuneLine, ...]:
    """The parameters that a source declares, in order.

    Raises:
        SourceError: a TUNE line that cannot be read, or a name declared twice.
    """
    found: dict[str, TuneLine] = {}
    for number, text in enumerate(source.split("\n"), start=1):
        if not _LINE.match(text):
            continue
        line = _read(text.rstrip("\r"), number)
        if line.name in found:
            raise SourceError(f"line {number}: {line.name} was declared on line {found[line.name].line} already")
        found[line.name] = line
    return tuple(found.values())


def resolve(source: str, parameters: Mapping[str, Scalar]) -> str:
    """The source with every TUNE line turned into a ``#define``; parameters not given take their defaults.

    Raises:
        SourceError: a bad TUNE line, a parameter that no line declares, or a value outside its choices.
    """
    lines = {line.name: line for line in declared(source)}
    for name, value in parameters.items():
        if name not in lines:
            near = get_close_matches(name, lines, n=1)
            known = f"; did you mean {near[0]}?" if near else f"; it declares: {', '.join(lines) or 'none'}"
            raise SourceError(f"parameter {name!r}: the source has no such TUNE line{known}")
        if value not in lines[name].choices:
            listed = ", ".join(str(choice) for choice in lines[name].choices)
            raise SourceError(f"line {lines[name].line}: {name} = {value!r} is none of its choices: {listed}")
    rows = source.split("\n")
    for line in lines.values():
        value = parameters.get(line.name, line.default)
        # As the line spells it: True and 1.0 are equal to a choice of 1, but not to a compiler.
        rows[line.line - 1] = f"#define {line.name} {line.choices[line.choices.index(value)]}"
    return "\n".join(rows)


def settle(source: str, parameters: Mapping[str, Scalar]) -> str:
    """The source with every TUNE line left with its one value: for languages whose LAUNCH line names parameters.

    Raises:
        SourceError: as for :func:`resolve`.
    """
    rows = resolve(source, parameters).split("\n")
    for line in declared(source):
        _, name, value = rows[line.line - 1].split(" ", maxsplit=2)
        rows[line.line - 1] = f"TUNE({name}, {value})"
    return "\n".join(rows)


def _read(text: str, number: int) -> TuneLine:
    match = _WHOLE.match(text)
    words = [word.strip() for word in match.group("inside").split(",")] if match else []
    if len(words) < 2 or not _NAME.fullmatch(words[0]):
        raise SourceError(f"line {number}: {text.strip()!r} cannot be read; {_FORM}")
    values = [_value(word, number) for word in words[1:]]
    default, choices = values[0], list(dict.fromkeys(values[1:]))
    if default not in choices:
        choices.insert(0, default)
    return TuneLine(words[0], default, tuple(choices), number)


def _value(word: str, number: int) -> Scalar:
    if _INTEGER.fullmatch(word):
        return int(word)
    if _FLOAT.fullmatch(word) and math.isfinite(float(word)):
        return float(word)
    if _NAME.fullmatch(word):
        return word
    raise SourceError(f"line {number}: {word!r} is no integer, float or word; {_FORM}")
