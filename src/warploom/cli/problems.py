"""``warploom problems``: what ships with Warploom."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from warploom.cli.console import Json, out, print_json
from warploom.problems.load import find_seed, load_catalog
from warploom.values.problem import Problem
from warploom.values.signature import signature


def problems(json: Json = False) -> int:
    """List the catalog: each problem's name, what it computes, and its first timed workload."""
    found = load_catalog()
    if json:
        print_json({"problems": [_object(name, problem) for name, problem in found.items()]})
        return 0
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("name", no_wrap=True, style="bold")
    table.add_column("what it computes", overflow="fold")
    for name, problem in found.items():
        table.add_row(name, problem.title)
    out().print(table)
    out().print(f"\n{len(found)} problems. Evolve one: warploom evolve NAME", style="dim")
    return 0


def _object(name: str, problem: Problem) -> dict[str, Any]:
    return {
        "name": name,
        "title": problem.title,
        "hash": problem.hash,
        "signature": signature(problem).c_declaration(),
        "workloads": [str(workload) for workload in problem.workloads],
        "held_out": len(problem.held_out),
        "seed": str(find_seed(name)),
    }
