"""``warploom score``: what a folder's own evaluator says of a program."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from warploom.cli.console import Json, aside, out, print_json
from warploom.errors import ProblemError, SourceError
from warploom.problems.importers.address import Address, parse_address
from warploom.problems.importers.openevolve import FORMAT, Folder, read_folder
from warploom.problems.importers.openevolve import score as score_of
from warploom.report.score import score_lines, score_object
from warploom.values.plain_text import printable
from warploom.values.score import Score


def score(
    folder: Annotated[
        str,
        typer.Argument(metavar="DIR", help="A folder of OpenEvolve: initial_program.py, evaluator.py, config.yaml."),
    ],
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="The program. [default: the folder's initial program]")
    ] = None,
    trust: Annotated[
        bool, typer.Option("--trust", help="Run the evaluator and the program as you, without a sandbox.")
    ] = False,
    json: Json = False,
) -> int:
    """Score a program by a folder's own evaluator, in a sandbox. The score is the evaluator's word, and no speedup."""
    address = parse_address(folder, (FORMAT,)) if folder.startswith(f"{FORMAT}:") else Address(FORMAT, folder)
    assert address is not None
    found = read_folder(replace(address, trust=trust or address.trust))
    if not json:
        _tell(found)
    try:
        program = found.program if file is None else file.read_text(encoding="utf-8")
    except OSError as error:
        raise SourceError(f"program {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SourceError(f"program {file} is not UTF-8 text") from None
    try:
        scored = score_of(found, program)
    except ProblemError as error:
        if file is None:
            raise
        # The evaluator works on its own program, or it would have been said of that: this one has no score.
        return _no_score(str(error), json)
    if json:
        print_json(_object(found, scored))
    else:
        for line in score_lines(scored):
            out().print(line, soft_wrap=True)
    return 0


def _tell(folder: Folder) -> None:
    console = aside()
    for keys, words in (
        (folder.set_aside, "settings of models, database and search are Warploom's own; set aside: "),
        (folder.unknown, "keys that neither knows: "),
    ):
        if keys:
            console.print(f"{words}{', '.join(map(printable, keys))}", style="dim", markup=False, soft_wrap=True)


def _no_score(reason: str, json: bool) -> int:
    if json:
        print_json({"score": None, "reason": reason})
    else:
        out().print(f"no score: {printable(reason)}", markup=False, soft_wrap=True)
    return 1


def _object(folder: Folder, scored: Score) -> dict[str, object]:
    return {
        **score_object(scored),
        "set_aside": list(folder.set_aside),
        "unknown": list(folder.unknown),
        "sandbox": not folder.trust,
    }
