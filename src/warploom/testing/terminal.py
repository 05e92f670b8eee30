"""A terminal for tests: what somebody sees who looks at what was written."""

from __future__ import annotations

import io
import re
import threading

_PIECE = re.compile(
    r"\x1b\[\??(?P<numbers>[\d;]*)(?P<letter>[A-Za-z])|(?P<control>[\x00-\x1f])|(?P<text>[^\x00-\x1f]+)"
)


class Terminal(io.StringIO):
    """A stream that says it is a terminal, and keeps its page.

    It knows the sequences that the live view uses; another one is an error, so that nothing goes unseen.

    Args:
        columns: of its window.

    Attributes:
        wrapped: lines that were too long for the window.
        cursor: whether it is shown.
    """

    def __init__(self, columns: int = 80) -> None:
        super().__init__()
        self.columns = columns
        self.wrapped: list[str] = []
        self.cursor = True
        self._lines: list[str] = [""]
        self._row = self._column = 0
        self._whole = threading.Lock()

    def isatty(self) -> bool:
        """Always."""
        return True

    def write(self, text: str) -> int:
        """Take in what is written; may be called from several threads."""
        with self._whole:
            for piece in _PIECE.finditer(text):
                if piece["letter"]:
                    self._sequence(piece["letter"], piece["numbers"])
                elif piece["control"]:
                    self._control(piece["control"])
                else:
                    self._print(piece["text"])
            return super().write(text)

    @property
    def page(self) -> list[str]:
        """Its lines from the first on; empty ones at the end are left out."""
        with self._whole:
            lines = [line.rstrip() for line in self._lines]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    def _sequence(self, letter: str, numbers: str) -> None:
        match letter:
            case "m":
                pass
            case "A":
                self._row = max(0, self._row - int(numbers or 1))
            case "K" if numbers == "2":
                self._lines[self._row] = ""
            case "h" | "l" if numbers == "25":
                self.cursor = letter == "h"
            case _:
                raise AssertionError(f"this terminal does not know the sequence {numbers}{letter}")

    def _control(self, one: str) -> None:
        match one:
            case "\r":
                self._column = 0
            case "\n":
                self._row, self._column = self._row + 1, 0
                if self._row == len(self._lines):
                    self._lines.append("")
            case _:
                raise AssertionError(f"this terminal does not know the control {one!r}")

    def _print(self, text: str) -> None:
        before = self._lines[self._row].ljust(self._column)
        line = before[: self._column] + text + before[self._column + len(text) :]
        self._column += len(text)
        self._lines[self._row] = line
        if self._column > self.columns:
            self.wrapped.append(line)
