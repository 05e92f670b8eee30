"""Text of others inside Markdown: shown as text, whatever it holds."""

from __future__ import annotations

import re

from warploom.values.plain_text import printable

_STEERING = re.compile(r"([\\`*_{}\[\]<>|#!])")
LONGEST = 300


def plain(text: object) -> str:
    """One line in which nothing is markup."""
    line = printable(" ".join(str(text).split()))[:LONGEST]
    return _STEERING.sub(r"\\\1", line)


def code(text: str) -> str:
    """Inline code of one line, with a fence that the text does not hold."""
    line = printable(" ".join(text.split()))
    fence = "`" * (_longest_run(line) + 1)
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{space}{line}{space}{fence}"


def block(text: str, language: str = "") -> str:
    """A fenced block of code."""
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A table; cells are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
