"""A mind that is a command: the conversation goes to its stdin, the answer is what it prints.

It is the user's own agent: it runs with the user's rights, in the working directory and the environment that Warploom
was started with, outside of every jail. What it prints is text like any model's answer; the kernel in it is judged in
the jail like any other.
"""

from __future__ import annotations

import os
import shlex
import signal
import time
from collections.abc import AsyncIterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from subprocess import PIPE
from typing import Any

import anyio
import anyio.abc

from warploom.errors import ConfigError, ModelError
from warploom.propose.llm.ledger import Book, Caps, Ledger
from warploom.values.exchange import Exchange, Message, Spending
from warploom.values.request import Feedback

MOST_BYTES = 10_000_000
"""Of an answer; what prints more is ended."""

MOST_SECONDS = 1800.0
"""Of one call; an agent may well think and try for half an hour."""

MOST_COMPLAINT = 20_000
"""Bytes of stderr that are read; the rest is thrown away."""

ONE_CALL = Spending(requests=1)

LINGER_SECONDS = 1.0
"""How long an answer is read on after the command has exited."""

NOT_RUNNABLE, NOT_FOUND = 126, 127
"""Exit codes by which a shell says that there is no such command."""


@dataclass
class Outcome:
    """What a call of the command gave.

    Attributes:
        code: exit code; negative when a signal ended it.
        answer: what it printed, as far as it was read.
        complaint: the beginning of what it wrote to stderr.
        ended: why it was ended, "" when it ended by itself.
    """

    code: int | None = None
    answer: bytearray = field(default_factory=bytearray)
    complaint: bytearray = field(default_factory=bytearray)
    ended: str = ""


class CommandMind:
    """Runs a shell command for each prompt.

    Args:
        command: a line for ``sh -c``.
        caps: how often it may be called; nobody counts its tokens and dollars.
        book: keeps what was said.
        seconds: of one call at most.

    Raises:
        ConfigError: the command is empty or its quotes do not close, or a cap cannot be kept.
    """

    def __init__(self, command: str, caps: Caps, book: Book, *, seconds: float = MOST_SECONDS) -> None:
        self._command = command
        self._book = book
        self._ledger = Ledger(caps, book)
        self._seconds = seconds
        if caps.tokens is not None or caps.usd is not None:
            raise ConfigError("nobody counts the tokens and dollars of a command: cap it with --max-requests")
        try:
            words = shlex.split(command)
        except ValueError as error:
            raise ConfigError(f"--proposer command:{command}: {error}") from None
        if not words:
            raise ConfigError("--proposer command: needs a command, as in --proposer command:'my-agent --print'")
        self._name = f"command:{Path(words[0]).name.rstrip(';&|')}"

    @property
    def name(self) -> str:
        """The word "command" and the name of the program: its arguments may hold what is nobody's business."""
        return self._name

    @property
    def spending(self) -> Spending:
        """The calls of the run; they have no price here."""
        return self._ledger.spending

    async def ask(self, number: int, turn: int, operator: str, messages: tuple[Message, ...], seed: int) -> Exchange:
        """What the command printed; a call that failed is an exchange with the reason.

        Raises:
            BudgetSpent: it was called as often as it may be.
            ModelError: there is no such command.
        """
        before = self._book.recorded(number, turn)
        if before is not None:
            return before
        account = self._ledger.open()
        try:
            await account.hold(ONE_CALL)
            begin = time.monotonic()
            outcome = await self._call(transcript(messages).encode())
            said = Exchange(number, turn, operator, self._name, messages, "", settings={"seconds": self._seconds})
            exchange = replace(said, seconds=time.monotonic() - begin, **self._read(outcome))
            account.charge(ONE_CALL)
        except BaseException:
            account.leave()
            raise
        account.record(exchange)
        return exchange

    async def _call(self, prompt: bytes) -> Outcome:
        outcome = Outcome()
        process = await anyio.open_process(
            ["/bin/sh", "-c", self._command], stdin=PIPE, stdout=PIPE, stderr=PIPE, start_new_session=True
        )
        try:
            with anyio.move_on_after(self._seconds) as time_limit:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(_write, process, prompt)
                    tasks.start_soon(_read, process.stderr, outcome.complaint, MOST_COMPLAINT)
                    outcome.ended = await _until_exit(process, outcome)
                    tasks.cancel_scope.cancel()
            if time_limit.cancelled_caught:
                outcome.ended = f"the command was ended after {self._seconds:g} s"
        finally:
            _end_group(process.pid)
            with anyio.CancelScope(shield=True):
                outcome.code = await process.wait()
                await process.aclose()
        return outcome

    def _read(self, outcome: Outcome) -> dict[str, Any]:
        """Answer, finish and error of an exchange."""
        answer = outcome.answer.decode(errors="replace")
        if outcome.code in (NOT_RUNNABLE, NOT_FOUND) and not answer.strip():
            raise ModelError(f"{self._name} cannot be run: {_last_line(outcome.complaint)}")
        if outcome.ended:
            large = len(outcome.answer) >= MOST_BYTES
            return {"answer": answer, "finish": "malformed" if large else "error", "error": outcome.ended}
        if outcome.code:
            why = f"exit code {outcome.code}: {_last_line(outcome.complaint)}"
            return {"answer": answer, "finish": "error", "error": why}
        return {"answer": answer, "finish": "stop" if answer.strip() else "empty"}

    def tell(self, exchange: Exchange, feedback: Feedback | None) -> None:
        """Nothing is learned: there is one command."""

    def snapshot(self) -> dict[str, Any]:
        """There is no state."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """There is no state."""


def transcript(messages: tuple[Message, ...]) -> str:
    """A conversation as one text: the first turn as it is, further ones under the name of who speaks."""
    opening = [message.text for message in messages if message.role == "system"]
    rest = [message for message in messages if message.role != "system"]
    parts = [*opening, *(message.text for message in rest[:1])]
    parts += [f"[{message.role}]\n{message.text}" for message in rest[1:]]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


async def _write(process: anyio.abc.Process, prompt: bytes) -> None:
    assert process.stdin is not None
    try:
        await process.stdin.send(prompt)
        await process.stdin.aclose()
    except (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
        return  # it does not read its prompt; what it prints counts all the same


async def _read(stream: AsyncIterable[bytes] | None, into: bytearray, most: int) -> None:
    """Read to the end, and keep so many bytes."""
    assert stream is not None
    async for part in stream:
        into += part[: most - len(into)]


async def _until_exit(process: anyio.abc.Process, outcome: Outcome) -> str:
    """Read the answer until the command exits or prints too much; returns why it must be ended, or ""."""
    done = anyio.Event()

    async def answer() -> None:
        assert process.stdout is not None
        async for part in process.stdout:
            outcome.answer += part[: MOST_BYTES - len(outcome.answer)]
            if len(outcome.answer) >= MOST_BYTES:
                break
        done.set()

    async def leave() -> None:
        await process.wait()
        with anyio.move_on_after(LINGER_SECONDS):  # what it left behind may hold its stdout open for ever
            await done.wait()
        done.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(answer)
        tasks.start_soon(leave)
        await done.wait()
        if len(outcome.answer) < MOST_BYTES:
            await process.wait()
        tasks.cancel_scope.cancel()
    return f"the command printed more than {MOST_BYTES} bytes" if len(outcome.answer) >= MOST_BYTES else ""


def _end_group(leader: int) -> None:
    """End the command and all it started, also what it left behind."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _last_line(complaint: bytearray) -> str:
    lines = complaint.decode(errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else "nothing on stderr"
