"""``warploom problems``: what ships with Warploom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.table import Table

from warploom.cli.console import Json, out, print_json
from warploom.problems.load import SEEDS, find_seed, load_catalog, load_problem, locate
from warploom.values.problem import Problem
from warploom.values.signature import signature


def problems(
    problem: Annotated[
        str | None,
        typer.Argument(
            metavar="[PROBLEM]",
            help="Show this one: a name, a problem file, or an address such as kernelbench:1/23, gpumode:DIR or "
            "pytorch:FILE:NAME.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
) -> int:
    """List the catalog, or show one problem: what a kernel of it is called with, and what it is judged on."""
    if problem is not None:
        return _show(problem, json)
    found, for_gpus = load_catalog(), load_catalog(room="gpu")
    if json:
        shipped = [_object(name, problem) for name, problem in found.items()]
        print_json({"problems": shipped, "gpu_problems": [_gpu_object(*item) for item in for_gpus.items()]})
        return 0
    out().print(_table(found))
    out().print(f"\n{len(found)} problems. Evolve one: warploom evolve NAME\n", style="dim")
    out().print(_table(for_gpus))
    out().print(f"\n{len(for_gpus)} problems for GPUs, with seeds in Triton and CUDA: warploom build NAME", style="dim")
    return 0


def _table(found: Mapping[str, Problem]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("name", no_wrap=True, style="bold")
    table.add_column("what it computes", overflow="fold")
    for name, shipped in found.items():
        table.add_row(name, shipped.title)
    return table


def _show(word: str, json: bool) -> int:
    """One problem, wherever it comes from."""
    loaded = load_problem(word)
    file = str(locate(word))
    if json:
        held_out = [str(workload) for workload in loaded.held_out]
        print_json({**_facts(loaded.name, loaded), "held_out": held_out, "file": file})
        return 0
    console = out()
    for line in (f"{loaded.name}: {loaded.title}", "", f"{signature(loaded).c_declaration()};", ""):
        console.print(line, markup=False, soft_wrap=True)
    table = Table(box=None, pad_edge=False, show_header=False)
    for role, tensors in (("input", loaded.inputs), ("output", loaded.outputs)):
        for name, tensor in tensors.items():
            table.add_row(role, name, tensor.dtype, f"[{tensor.shape}]".replace("[", "\\["))
    for kind, workloads in (("timed", loaded.workloads), ("held out", loaded.held_out)):
        for workload in workloads:
            table.add_row(kind, str(workload))
    console.print(table)
    console.print(f"\nthe problem file: {file}", style="dim", markup=False, soft_wrap=True)
    return 0


def _object(name: str, problem: Problem) -> dict[str, Any]:
    return {**_facts(name, problem), "held_out": len(problem.held_out), "seed": str(find_seed(name))}


def _gpu_object(name: str, problem: Problem) -> dict[str, Any]:
    folder = locate(name).parent
    seeds = {language: str(folder / file) for language, file in SEEDS.items() if (folder / file).is_file()}
    return {**_facts(name, problem), "held_out": len(problem.held_out), "seeds": seeds}


def _facts(name: str, problem: Problem) -> dict[str, Any]:
    return {
        "name": name,
        "title": problem.title,
        "hash": problem.hash,
        "signature": signature(problem).c_declaration(),
        "workloads": [str(workload) for workload in problem.workloads],
    }
