"""What changed from one source to another, as a unified diff."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from rich.text import Text

STYLES = {"+": "green", "-": "red", "@": "cyan"}


def unified(before: str, after: str, before_name: str, after_name: str, context: int = 3) -> list[str]:
    """The lines of a unified diff, without line ends; [] when nothing changed."""
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), before_name, after_name, n=context, lineterm=""
    )
    return list(lines)


def highlighted(lines: Iterable[str]) -> Text:
    """The diff in colours: what came green, what went red, places cyan, the file names bold."""
    text = Text()
    for number, line in enumerate(lines):
        # The first two lines name the files; they alone may begin with three signs and mean it.
        style = "bold" if number < 2 else STYLES.get(line[:1], "")
        text.append(line + "\n", style=style)
    text.rstrip()
    return text


def counted(lines: Iterable[str]) -> tuple[int, int]:
    """How many lines came and how many went."""
    body = list(lines)[2:]
    return sum(line.startswith("+") for line in body), sum(line.startswith("-") for line in body)
