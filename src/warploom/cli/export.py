"""``warploom export``: a promoted kernel as something to install, publish or compile."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

import typer

from warploom.cli.console import Json, out, print_json
from warploom.errors import ConfigError
from warploom.export.flashinfer import flashinfer
from warploom.export.gather import BASELINES, Operator, gather
from warploom.export.gpumode import gpumode
from warploom.export.hub import hub
from warploom.export.kernelbench import kernelbench
from warploom.export.naming import Naming, naming
from warploom.export.source import source
from warploom.export.torch_package import torch_package
from warploom.export.write import write

Files = Mapping[str, str | bytes]

INTERCHANGE: Mapping[str, Callable[[Operator, Naming], Files]] = {
    "kernelbench": kernelbench,
    "gpumode": gpumode,
    "flashinfer": flashinfer,
}
"""Formats of other projects, which imported problems can go back to."""

FORMATS = ("torch", "hub", "source", *INTERCHANGE)


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
            help="torch: an installable package. hub: the layout of Hugging Face kernels. source: C++ with a Makefile. "
            "kernelbench: ModelNew. gpumode: custom_kernel. flashinfer: a solution with its traces.",
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
    files = _files(format, operator, names, license_name)
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
    card = ", its card in README.md" if "README.md" in files else ""
    console.print(f"{to}: {names.distribution}, {len(files)} files{card}", soft_wrap=True, markup=False)
    for row in operator.table:
        console.print(f"  {row.workload}  {row.speedups[over]} over {over}", soft_wrap=True, markup=False)
    for one in operator.slower:
        console.print(f"  {one}  not faster than {over}: it takes the reference", soft_wrap=True, markup=False)
    return 0


def _files(format: str, operator: Operator, names: Naming, license_name: str) -> Files:
    """Path → content of an export.

    Raises:
        ConfigError: the operator cannot be stated in this format.
    """
    if format in INTERCHANGE:
        return INTERCHANGE[format](operator, names)
    if operator.imported is not None:
        raise ConfigError(
            f"--format {format} carries its reference along, and that of a problem in another format needs Warploom; "
            f"export it back to that format: --format {operator.imported.format}"
        )
    if format == "source":
        return source(operator, names)
    return (torch_package if format == "torch" else hub)(operator, names, license_name)
