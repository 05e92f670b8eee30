"""What somebody did to a run while it went, in words."""

from __future__ import annotations

from warploom.values.event import Steered
from warploom.values.plain_text import printable

PAUSED = "paused on request; the dashboard goes on with it"

MOST_LETTERS = 120


def steered(event: Steered) -> str:
    """One line."""
    pinned = event.member.candidate if event.member else ""
    if event.refused:
        return f"not done: {event.command or 'a command'}: {event.refused}"
    match event.command:
        case "pause":
            return PAUSED
        case "resume":
            return "goes on"
        case "stop":
            return "stops on request"
        case "pin":
            return f"every request starts from {pinned} now"
        case "unpin":
            return "the search chooses the parents again"
        case "hint":
            return f"hint for the next prompts: {_short(event.text)}"
        case _:
            return f"hint taken back: {_short(event.text)}" if event.text else "all hints taken back"


def _short(text: str) -> str:
    line = printable(" ".join(text.split()))
    return line if len(line) <= MOST_LETTERS else line[: MOST_LETTERS - 1] + "…"
