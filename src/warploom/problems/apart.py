"""Asks a process of its own what a problem's code says. What it prints is bounded, and nothing it does is believed."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from warploom.errors import ProblemError
from warploom.problems.jail import start_of
from warploom.values.keys import without_keys

MOST_BYTES = 16 << 20
"""An answer is no longer, and nor is what is printed beside it."""

_KEPT_BYTES = 64 << 10
_LINE = 600
_REAPED_S = 0.2


def ask_apart(
    arguments: Sequence[str],
    *,
    name: str,
    what: str,
    foreign: bool,
    deadline_s: float,
    request: bytes = b"",
    shown: Sequence[Path] = (),
    started: Callable[[subprocess.Popen[bytes]], None] | None = None,
) -> Any:
    """The JSON value that ``python ARGUMENTS…`` answers on its standard output.

    Args:
        arguments: for the interpreter.
        name: of the problem, for messages.
        what: it runs, for messages: "program" or "problem file".
        foreign: whether it runs in a jail.
        deadline_s: until it is ended, with all that it started.
        request: for its standard input.
        shown: files that it may read in the jail.
        started: given the process, so that another thread can :func:`end` it.

    Raises:
        ProblemError: it said so itself (exit status 2, the last line on standard error), ran out of time, printed
            without end or ended without an answer; one line.
    """
    start = start_of(arguments, without_keys(os.environ), foreign=foreign, shown=shown)
    with tempfile.TemporaryFile() as stdin:
        stdin.write(request)
        stdin.seek(0)
        with subprocess.Popen(
            start.command,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=start.environment,
            start_new_session=True,
        ) as process:
            try:
                if started is not None:
                    started(process)
                answer, errors = _listen(process, time.monotonic() + deadline_s)
                process.wait(timeout=deadline_s)
            except _TooMuch:
                raise ProblemError(f"{name}: the {what} printed more than {MOST_BYTES >> 20} MiB") from None
            except subprocess.TimeoutExpired:
                raise ProblemError(
                    f"{name}: running the {what} took longer than {deadline_s:g} s; is there a loop without end?"
                ) from None
            finally:
                end(process)
    said = errors.decode(errors="replace").strip().splitlines()
    last = said[-1][:_LINE] if said else ""
    if process.returncode == 2 and last:
        raise ProblemError(last if not foreign or last.startswith(name) else f"{name}: {last}")
    try:
        return json.loads(answer)
    except (ValueError, RecursionError):
        raise ProblemError(
            f"{name}: the {what} ended its process (exit status {process.returncode}) before it was understood"
            f"{': ' if last else ''}{last[:300]}"
        ) from None


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started; it must lead a session of its own. May be called from any thread."""
    if process.poll() is not None:
        return
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        # Bubblewrap's child first: all in its namespace ends with it, and bubblewrap itself once it has reaped it.
        for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
            os.kill(int(child), signal.SIGKILL)
            process.wait(_REAPED_S)
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)


class _TooMuch(Exception):  # noqa: N818 - a signal within this file
    """It prints without end."""


def _listen(process: subprocess.Popen[bytes], deadline: float) -> tuple[bytes, bytes]:
    """What it writes to standard output, and the end of what it writes to standard error, until both are closed."""
    assert process.stdout is not None
    assert process.stderr is not None
    answer, errors, printed = bytearray(), bytearray(), 0
    with selectors.DefaultSelector() as selector:
        for stream in (process.stdout, process.stderr):
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map():
            left = deadline - time.monotonic()
            ready = selector.select(left) if left > 0 else []
            if not ready:
                raise subprocess.TimeoutExpired(process.args, 0.0)
            for key, _ in ready:
                data = os.read(key.fd, 1 << 16)
                if not data:
                    selector.unregister(key.fileobj)
                printed += len(data)
                if key.fileobj is process.stdout:
                    answer += data
                else:
                    errors += data
                    del errors[:-_KEPT_BYTES]
                if max(len(answer), printed - len(answer)) > MOST_BYTES:
                    raise _TooMuch
    return bytes(answer), bytes(errors)
