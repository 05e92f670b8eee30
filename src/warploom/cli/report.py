"""``warploom report``: a run as one self-contained page, and its figures as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from warploom.archive.journal import read
from warploom.cli.console import OTHER_OR_FORCE, Json, RunWord, aside, out, print_json
from warploom.errors import ConfigError
from warploom.report.html.story import Story
from warploom.report.html.write import is_page_of, rasteriser, write_figures, write_page
from warploom.report.score import refuse_score


def report(
    run: RunWord,
    to: Annotated[Path, typer.Option("--out", metavar="FILE", help="The page, such as report.html.")],
    figures: Annotated[
        Path | None,
        typer.Option("--figures", metavar="DIR", help="Also each figure as SVG and PNG, into this folder."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is no page about this run.")] = False,
    json: Json = False,
) -> int:
    """Write a page about a run: how the speed grew, the best kernel, its evidence, what the search cost."""
    with read(Path(run)) as journal:
        refuse_score(journal, "a page")
        story = Story(journal)
    if to.is_file() and not force and not is_page_of(story, to):
        raise ConfigError(f"--out {to}: there is such a file, and it is no page about {run}; {OTHER_OR_FORCE}")
    size = write_page(story, to)
    files = write_figures(story, figures) if figures is not None else []
    if json:
        print_json({"run": run, "page": str(to), "bytes": size, "figures": [str(path) for path in files]})
        return 0
    out().print(f"{to}: one file of {size / 1000:,.0f} kB, to open in any browser", soft_wrap=True, markup=False)
    if figures is not None:
        out().print(f"{figures}: {len(files)} figures", soft_wrap=True, markup=False)
        if rasteriser() is None:
            aside().print("no PNG: install resvg-py, or warploom[report]", markup=False)
    return 0
