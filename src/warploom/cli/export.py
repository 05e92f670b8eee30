"""``warploom export``: a promoted kernel as something to install, publish or compile."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from warploom.cli.console import Json, out, print_json
from warploom.errors import ConfigError
from warploom.export.gather import BASELINES, gather
from warploom.export.hub import hub
from warploom.export.naming import naming
from warploom.export.source import source
from warploom.export.torch_package import torch_package
from warploom.export.write import write

FORMATS = ("torch", "hub", "source")


def export(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN…",
            help="A run's directory, its best/ folder or an evidence.json. Several of one operator share a table.",
        ),
    ],
    to: Annotated[Path, typer.Option("--out", metavar="DIR", help="A new folder.")],
    format: Annotated[
        str,
        typer.Option(
            "--format",
            help="torch: an installable package. hub: the layout of Hugging Face kernels. source: C++ with a Makefile.",
        ),
    ] = "torch",
    name: Annotated[str, typer.Option("--name", help="Of the package. [default: <problem>_kernel]")] = "",
    over: Annotated[
        str,
        typer.Option("--over", help=f"What a shape must beat to run the kernel: {' or '.join(BASELINES)}."),
    ] = "eager",
    problem: Annotated[
        Path | None,
        typer.Option("--problem", metavar="FILE", help="The problem file. [default: its text in the evidence]"),
    ] = None,
    license_name: Annotated[
        str, typer.Option("--license", help="What the export is licensed under, such as Apache-2.0.")
    ] = "",
    json: Json = False,
) -> int:
    """Export a promoted kernel with its reference, its dispatch guard, its evidence and its card."""
    if format not in FORMATS:
        raise ConfigError(f"--format {format!r} is unknown; known: {', '.join(FORMATS)}")
    operator = gather(runs, over=over, problem_file=problem)
    names = naming(operator.problem, name)
    if format == "torch":
        files = torch_package(operator, names, license_name)
    elif format == "hub":
        files = hub(operator, names, license_name)
    else:
        files = source(operator, names)
    write(files, to)
    if json:
        print_json(
            {
                "folder": str(to),
                "format": format,
                "package": names.package,
                "function": names.function,
                "variants": [variant.id for variant in operator.variants],
                "table": [str(row.workload) for row in operator.table],
                "slower": [str(one) for one in operator.slower],
                "files": sorted(files),
            }
        )
        return 0
    console = out()
    console.print(
        f"{to}: {names.distribution}, {len(files)} files, its card in README.md", soft_wrap=True, markup=False
    )
    for row in operator.table:
        console.print(f"  {row.workload}  {row.speedups[over]} over {over}", soft_wrap=True, markup=False)
    for one in operator.slower:
        console.print(f"  {one}  not faster than {over}: it takes the reference", soft_wrap=True, markup=False)
    return 0
