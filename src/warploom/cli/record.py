"""``warploom record``: a run's prompts, answers and outcomes as one small file."""

from __future__ import annotations

import json as json_text
from pathlib import Path
from typing import Annotated

import typer

from warploom.archive.journal import read
from warploom.cli.console import OTHER_OR_FORCE, Json, RunWord, aside, print_json
from warploom.errors import InputError
from warploom.search.record import lines, open_record


def record(
    run: RunWord,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it.")],
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    json: Json = False,
) -> int:
    """Write what was said and proposed in a run, and what came of it; `evolve --replay FILE` goes through it again."""
    count = 0
    try:
        with read(Path(run)) as journal, open_record(file, "w" if force else "x") as opened:
            for one in lines(journal):
                opened.write(json_text.dumps(one, ensure_ascii=False, separators=(",", ":")) + "\n")
                count += 1
    except FileExistsError:
        raise InputError(f"{file}: there is such a file; {OTHER_OR_FORCE}") from None
    if json:
        print_json({"run": run, "file": str(file), "lines": count, "bytes": file.stat().st_size})
    else:
        aside().print(f"{file}: {count} lines, {file.stat().st_size} bytes", markup=False)
    return 0
