"""The inbox of a run: how somebody else steers it while it goes.

Only the process at work on a run writes its journal. Whoever wants something of it appends a line to ``controls.jsonl``
in the run directory; the run takes the lines between two steps and records each as an event
(:class:`~warploom.values.event.Steered`) with its place in the file. So nothing is done twice or lost, wherever the
run is killed, and a resume or a replay goes the same way.
"""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from warploom.errors import ConfigError, JournalError
from warploom.values.event import COMMANDS

FILE = "controls.jsonl"

MOST_TEXT = 2000
"""Characters of a hint."""

MOST_WAITING = 100
"""Commands that may wait to be taken: a run that nobody is at work on takes none."""


@dataclass(frozen=True)
class Command:
    """Something that is wanted of a run.

    Attributes:
        name: one of :data:`~warploom.values.event.COMMANDS`.
        candidate: id of the parent to be pinned.
        text: the hint that is given, or taken back ("" takes all of them back).
    """

    name: str
    candidate: str = ""
    text: str = ""


def checked(command: Command) -> Command:
    """The command, its text without what surrounds it.

    Raises:
        ConfigError: it says nothing that can be done.
    """
    if command.name not in COMMANDS:
        raise ConfigError(f"{command.name!r} is no command for a run; known: {', '.join(COMMANDS)}")
    text = command.text.strip()
    if command.name == "hint" and not text:
        raise ConfigError("a hint needs some words")
    if len(text) > MOST_TEXT:
        raise ConfigError(f"a hint of {len(text):,} characters is too long: at most {MOST_TEXT:,}")
    if command.name == "pin" and not command.candidate:
        raise ConfigError("pin needs the id of a candidate")
    return Command(command.name, command.candidate, text)


def send(folder: Path, command: Command, taken: int = 0) -> int:
    """Append a command to the inbox of a run; returns its place, counted from 1.

    Args:
        folder: the run directory.
        command: what is wanted.
        taken: commands that the run has taken by now, as its events tell.

    Raises:
        ConfigError: the command says nothing that can be done, or too many wait already.
        JournalError: the inbox cannot be written.
    """
    line = json.dumps(asdict(checked(command))).encode() + b"\n"
    try:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        with os.fdopen(os.open(folder / FILE, flags, 0o644), "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            before = file.read()
            place = before.count(b"\n") + 1
            if place - 1 - taken >= MOST_WAITING:
                raise ConfigError(f"{place - 1 - taken} commands wait already; is anybody at work on {folder}?")
            torn = b"\n" if before and not before.endswith(b"\n") else b""
            file.write(torn + line)
            return place + len(torn)
    except OSError as error:
        raise JournalError(f"{folder / FILE} cannot be written: {error.strerror}") from None


class Inbox:
    """Reads what was sent, each line once.

    Args:
        folder: the run directory.
        taken: lines that were taken before.
    """

    def __init__(self, folder: Path, taken: int) -> None:
        self._path = folder / FILE
        self._offset = 0
        self._place = 0
        self._taken = taken

    def take(self) -> list[tuple[int, Command | str]]:
        """New commands with their places; in the place of one that cannot be read, why not.

        A line without an end is still being written, and is left for later.
        """
        try:
            if self._path.stat().st_size <= self._offset:
                return []
            with self._path.open("rb") as file:
                file.seek(self._offset)
                fresh = file.read()
        except OSError:
            return []  # nobody has sent anything, or it was taken away
        whole = fresh[: fresh.rfind(b"\n") + 1]
        self._offset += len(whole)
        found: list[tuple[int, Command | str]] = []
        for line in whole.split(b"\n")[:-1]:
            self._place += 1
            if self._place > self._taken:
                found.append((self._place, _read(line)))
        return found


def waiting(folder: Path, taken: int) -> list[Command]:
    """The commands that were sent and not yet taken."""
    return [command for _, command in Inbox(folder, taken).take() if isinstance(command, Command)]


def _read(line: bytes) -> Command | str:
    try:
        said = json.loads(line)
        given = {name: said[name] for name in ("name", "candidate", "text") if name in said}
        if not all(isinstance(value, str) for value in given.values()):
            return "a line of the inbox holds what is no text"
        return checked(Command(**given))
    except ConfigError as error:
        return str(error)
    except (ValueError, TypeError):
        return "a line of the inbox is no command"
