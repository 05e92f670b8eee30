"""Where commands write: results to stdout, everything else to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Annotated, Any

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


def out() -> Console:
    """The console of results, at the stdout of this moment."""
    return Console(highlight=False)


def aside() -> Console:
    """The console of progress and remarks: stderr."""
    return Console(stderr=True, highlight=False)


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
