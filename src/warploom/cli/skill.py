"""``warploom skill``: what an agent should know to write kernels, as a file of its own."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from warploom.cli.console import Json, out, print_json
from warploom.errors import InputError

FILE = "SKILL.md"


def skill(
    folder: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="A directory of skills; nothing prints the skill.")
    ] = None,
    json: Json = False,
) -> int:
    """Print the skill for agents, or install it as DIR/warploom/SKILL.md, over an older one."""
    text = files("warploom").joinpath("skill", FILE).read_text(encoding="utf-8")
    if folder is None:
        if json:
            print_json({"skill": text})
        else:
            out().file.write(text)
        return 0
    place = folder / "warploom" / FILE
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write {place}: {error.strerror}") from None
    if json:
        print_json({"installed": str(place)})
    else:
        out().print(f"installed {place}", markup=False, soft_wrap=True)
    return 0
