"""``warploom tell``: an outside agent's answer, judged."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from warploom.cli.ask import Quiet, Wait
from warploom.cli.console import Json, RunWord, aside, out, print_json
from warploom.errors import SourceError
from warploom.report.reply import render
from warploom.search.agents.opening import PATIENCE_SECONDS, open_run

MOST_BYTES = 10_000_000
"""Of an answer."""


def tell(
    run: RunWord,
    number: Annotated[int, typer.Argument(metavar="ID", help="The request that is answered.")],
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The kernel, or SEARCH/REPLACE edits of its parent; - reads stdin.")
    ],
    draft: Annotated[
        bool, typer.Option("--draft", help="Only judge it: nothing enters the run and the request stays open.")
    ] = False,
    wait: Wait = PATIENCE_SECONDS,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Judge an answer and print what came of it: built, verified, timed, and again when it looks like the best."""
    text = read_answer(file)
    console = aside()
    said = None if quiet else lambda line: console.print(line, style="dim")
    with open_run(run, patience_seconds=wait, progress=said) as opened:
        reply = opened.judge_draft(number, text) if draft else opened.tell(number, text)
    if json:
        print_json({"run": run, **reply.to_object()})
    else:
        out().print(render(reply), soft_wrap=True)
    return 0 if reply.passed else 1


def read_answer(file: Path) -> str:
    """The text of an answer.

    Raises:
        SourceError: it cannot be read, or is no text.
    """
    try:
        if str(file) == "-":
            data = sys.stdin.buffer.read(MOST_BYTES + 1)
        else:
            with file.open("rb") as opened:
                data = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise SourceError(f"answer {file}: {error.strerror}") from None
    if len(data) > MOST_BYTES:
        raise SourceError(f"answer {file} is larger than {MOST_BYTES} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SourceError(f"answer {file} is not UTF-8 text") from None
