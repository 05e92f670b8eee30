"""A problem's reference as C++: plain loops in an evolve block, with the calling convention of the problem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from warploom.errors import ProblemError
from warploom.problems.lowering.flatten import flatten
from warploom.problems.lowering.graph import Graph, unify
from warploom.problems.lowering.kernel import Kernel
from warploom.problems.lowering.operator import NeedsMemory, NeedsPhases
from warploom.problems.lowering.operators import OPERATORS
from warploom.problems.lowering.record import record
from warploom.problems.lowering.rewrite import rewrite
from warploom.problems.names import RESERVED
from warploom.syntax.cpp.query import names_in
from warploom.syntax.cpp.render import render_statements
from warploom.syntax.cpp.tree import Declare, Name, Statement
from warploom.syntax.cpp.walk import all_parts
from warploom.syntax.evolve_block import END, START
from warploom.values.problem import Problem, Reference
from warploom.values.signature import signature

TARGETS = ("cpp",)
"""Languages that references are lowered to."""

WIDTH = 120
HEADERS: Mapping[str, tuple[str, ...]] = {
    "algorithm": ("std::max", "std::min"),
    "cmath": ("std::", "INFINITY", "NAN"),
    "cstdint": ("",),
    "cstdlib": ("std::malloc",),
    "limits": ("std::numeric_limits",),
}
"""Header → what it is for; the first of these in the text brings it."""


def lower(problem: Problem) -> str:
    """The text of a C++ file that computes what the reference does. The reference is traced in a process apart.

    Args:
        problem: loaded through :mod:`warploom.problems`.

    Raises:
        ProblemError: the reference cannot be traced, or an operator in it cannot be lowered; names it.
    """
    assert isinstance(problem.reference, Reference)
    return written(problem, record(Path(problem.reference.path)))


def written(problem: Problem, traces: Sequence[Mapping[str, Any]]) -> str:
    """The same from traces that were made before.

    Raises:
        ProblemError: as :func:`lower`.
    """
    words = [word for one in (*problem.inputs.values(), *problem.outputs.values()) for word in one.shape.split()]
    try:
        graph = unify(traces, words)
        rewrite(graph)
        kernel = _kernel(problem, graph)
    except ProblemError as error:
        raise ProblemError(f"{problem.name}: {error}") from None
    body = flatten((*kernel.head, *kernel.body))
    lengths = _lengths(graph, body)
    lines = [*kernel.tables, *_declaration(problem), render_statements((*lengths, *body), 1), "}"]
    block = "\n".join(lines)
    headers = [name for name, marks in HEADERS.items() if any(mark in block for mark in marks)]
    includes = "".join(f"#include <{name}>\n" for name in headers)
    return f"{includes}\n// {START}\n{block}\n// {END}\n"


def _kernel(problem: Problem, graph: Graph) -> Kernel:
    """Attempts, until every value that needs memory has it."""
    tensors = [*problem.inputs, *problem.outputs]
    taken = {problem.name, *problem.axes, *graph.fit.named, *RESERVED}
    careful = any(one.recipe == "special" for one in (*problem.workloads, *problem.held_out))
    kept: set[str] = set()
    phases: dict[str, dict[int, int]] = {}
    while True:
        try:
            return Kernel(graph, OPERATORS, tensors, set(taken), kept, careful, phases)
        except NeedsPhases as one:
            phases.setdefault(one.node, {})[one.place] = one.stride
        except NeedsMemory as one:
            name = str(one)
            if name in kept:
                raise AssertionError(f"{name} has memory and is said to need it") from one
            kept.add(name)


def _lengths(graph: Graph, body: Sequence[Statement]) -> list[Statement]:
    """Declarations of the lengths that the body mentions."""
    mentioned = {part.text for part in all_parts(body) if isinstance(part, Name)}
    found: list[Statement] = []
    for name, expression in reversed(graph.fit.named.items()):
        if name in mentioned:
            mentioned |= names_in(expression)
            found.insert(0, Declare("const int64_t", name, expression))
    return found


def _declaration(problem: Problem) -> list[str]:
    """The function's first line, broken where it is long."""
    first, *rest = f"{signature(problem).c_declaration()} {{".split(", ")
    indent = " " * (first.index("(") + 1)
    lines = [first]
    for argument in rest:
        if len(lines[-1]) + len(argument) + 3 <= WIDTH:
            lines[-1] += f", {argument}"
        else:
            lines[-1] += ","
            lines.append(f"{indent}{argument}")
    return lines
