"""Crossover of kernels that are kept as text: a function of the second in the place of the first's own.

With the entry point comes its LAUNCH line. Whatever the function names and the first lacks comes with it too: TUNE
lines, constants, macros, types, other functions.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

from warploom.errors import NothingToPropose, SourceError
from warploom.syntax.cuda_text import CudaText
from warploom.syntax.span import Edit, edited
from warploom.syntax.triton_text import TritonText
from warploom.toolchain.triton import OPTIONS

_WORD = re.compile(r"[A-Za-z_]\w*")
_TUNE = re.compile(r"^[ \t]*TUNE\([ \t]*(\w+).*\n", re.MULTILINE)
_CONSTANT = re.compile(
    r"^(?:(\w+) = .*constexpr\(.*|[ \t]*#define[ \t]+(\w+)\b.*|(?:using|typedef)\b.*\b(\w+);)\n", re.MULTILINE
)
_STRUCT = re.compile(r"^struct (?:alignas\([^\n]*\) )?(\w+) \{\n.*?^\};\n", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class _Parts:
    """A source in parts: name → (begin, end) of its functions; name → text of what else it defines."""

    text: str
    entry: str
    functions: dict[str, tuple[int, int]]
    heads: dict[str, str]
    definitions: dict[str, str]
    launch: tuple[int, int]
    is_triton: bool

    def function(self, name: str) -> str:
        return self.text[slice(*self.functions[name])]


def cross_texts(first: str, second: str, rng: random.Random) -> str:
    """The first source with a function of the second.

    Raises:
        NothingToPropose: no function of one fits into the other.
    """
    own, other = _parts(first), _parts(second)
    found = [] if own is None or other is None else list(_grafts(own, other))
    if not found:
        raise NothingToPropose("no function of one parent fits into the other")
    return rng.choice(found)


def _grafts(own: _Parts, other: _Parts) -> Iterator[str]:
    if own.is_triton != other.is_triton or own.entry != other.entry:
        return
    for name in own.functions:
        if name in other.functions and own.heads[name] == other.heads[name]:
            graft = other.function(name)
            if graft != own.function(name):
                yield _grafted(own, other, name, graft)


def _grafted(own: _Parts, other: _Parts, name: str, graft: str) -> str:
    launch = other.text[slice(*other.launch)] if name == own.entry else own.text[slice(*own.launch)]
    bare = edited(own.text, [Edit(*own.functions[name], graft), Edit(*own.launch, launch)])
    lacking = _lacking(bare, own, other)
    lines = "".join(text for text in lacking if _TUNE.match(text))
    before = "".join(text for text in lacking if not _TUNE.match(text))
    child = edited(own.text, [Edit(*own.functions[name], before + graft), Edit(*own.launch, lines + launch)])
    return _without_idle(child) if own.is_triton else child


def _lacking(child: str, own: _Parts, other: _Parts) -> list[str]:
    """What the child names and only the other source defines, in the other's order, with what that names in turn."""
    known = {*own.definitions, *own.functions}
    offered = {**other.definitions, **{name: f"{other.function(name)}\n\n" for name in other.functions}}
    words, wanted = set(_WORD.findall(child)), set[str]()
    while fresh := {name for name in offered if name in words and name not in known and name not in wanted}:
        wanted |= fresh
        words |= {word for name in fresh for word in _WORD.findall(offered[name])}
    return [text for name, text in offered.items() if name in wanted]


def _without_idle(child: str) -> str:
    """A Triton source without TUNE lines that are no argument of its entry point, which its toolchain refuses."""
    source = TritonText(child)
    assert source.kernel is not None
    known = {argument.arg for argument in source.kernel.args.args}
    return _TUNE.sub(lambda line: line[0] if line[1] in known or line[1] in OPTIONS else "", child)


def _parts(text: str) -> _Parts | None:
    definitions = {found[1]: found[0] for found in _TUNE.finditer(text)}
    definitions |= {next(filter(None, found.groups())): found[0] for found in _CONSTANT.finditer(text)}
    definitions |= {found[1]: found[0] for found in _STRUCT.finditer(text)}
    try:
        source = TritonText(text)
    except SourceError:
        return _cuda_parts(text, definitions)
    if source.kernel is None or source.launch is None:
        return None
    functions, heads = {}, {}
    for function in source.functions:
        first = min([function.lineno, *(one.lineno for one in function.decorator_list)])
        functions[function.name] = (source.place(first, 0), source.span(function)[1])
        arguments = [one.arg for one in function.args.args if one.annotation is None or function is not source.kernel]
        heads[function.name] = ", ".join(arguments)
    return _Parts(text, source.kernel.name, functions, heads, definitions, source.launch, True)


def _cuda_parts(text: str, definitions: dict[str, str]) -> _Parts | None:
    source = CudaText(text)
    if source.entry is None or source.launch is None:
        return None
    functions = {name: span for name, (span, _) in source.functions.items()}
    heads = {name: words for name, (_, words) in source.functions.items()}
    return _Parts(text, source.name, functions, heads, definitions, source.launch, False)
