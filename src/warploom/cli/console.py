"""Where commands write: results to stdout, everything else to stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Annotated, Any, TextIO

import typer
from rich.console import Console
from rich.syntax import Syntax

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
"""The option every command has."""

ProblemWord = Annotated[
    str,
    typer.Argument(
        metavar="PROBLEM",
        help="A name from `warploom problems`, the path of a problem file, or an address in another format: "
        "pytorch:FILE:NAME, kernelbench:LEVEL/NUMBER, gpumode:DIR, flashinfer:NAME.",
    ),
]
RunWord = Annotated[str, typer.Argument(metavar="RUN", help="The directory of a run.")]


OTHER_OR_FORCE = "choose another name, or give --force"
"""What to do about a file that is there already."""

UNBROKEN = 1 << 14
"""Columns where no terminal has an end: names and ids stay whole for whoever reads the file."""


def out() -> Console:
    """The console of results, at the stdout of this moment."""
    return Console(highlight=False, width=_columns(sys.stdout))


def aside() -> Console:
    """The console of progress and remarks: stderr."""
    return Console(stderr=True, highlight=False, width=_columns(sys.stderr))


def _columns(stream: TextIO) -> int | None:
    """How wide what is written there may be; None asks the terminal, or COLUMNS where that is set."""
    return None if stream.isatty() or os.environ.get("COLUMNS") else UNBROKEN


def print_json(value: Mapping[str, Any]) -> None:
    """Print one object, on one line, to stdout."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n")
    sys.stdout.flush()


def print_source(console: Console, text: str, language: str = "cpp") -> None:
    """Coloured on a terminal; byte for byte where it goes to a file or a pipe."""
    if console.is_terminal:
        coloured = Syntax("", language, theme="ansi_dark", background_color="default").highlight(text)
        console.print(coloured, soft_wrap=True)
    else:
        console.file.write(text)
