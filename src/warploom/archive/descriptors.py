"""What kind of kernel a candidate is, read from its syntax tree and the static facts of its build.

Never from comments, names or what its proposer says: a candidate cannot talk itself into another cell. Three axes
of four levels each:

========== ============= ================ ===================== =====================
axis       0             1                2                     3
========== ============= ================ ===================== =====================
memory     element-wise  vectors          tiles, scratch        register blocks
computation several passes one pass       one pass, online      blocks of products
spread     serial        SIMD             threads               threads and SIMD
========== ============= ================ ===================== =====================

Kernels for GPUs: :mod:`warploom.archive.gpu_descriptors`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from warploom.archive.gpu_descriptors import describe_gpu
from warploom.errors import SourceError
from warploom.syntax import evolve_block
from warploom.syntax.cpp.query import (
    all_loops,
    is_innermost,
    names_declared,
    names_in,
    names_read,
    root_name,
)
from warploom.syntax.cpp.tree import (
    Assign,
    Binary,
    Block,
    Call,
    Declare,
    Function,
    Loop,
    Name,
    Number,
    RawStatement,
    Statement,
    Unit,
)
from warploom.syntax.cpp.walk import bodies, expressions, parts, walk
from warploom.syntax.dialect import dialect_of
from warploom.syntax.opencl import is_kernel
from warploom.values.candidate import Candidate
from warploom.values.target import VENDORS

_VECTOR_TYPE = re.compile(r"\b[fiu]\d+x\d+\b|\b__m(128|256|512)[di]?\b|vector_size|\b(float|double|int)(2|4|8|16)\b")
_VECTOR_CALL = re.compile(r"^(_mm\d*_|(u?n?aligned_)?(load|store|stream|splat|gather)\d+|fma\d+|v(load|store)\d+)")
_THREADS = re.compile(r"\bomp\b.*\b(parallel|teams)\b|std::thread")
_SIMD = re.compile(r"\bomp\b.*\bsimd\b")
_EXPONENTIAL = re.compile(r"exp|tanh")
_ACCUMULATORS = 4
"""From so many accumulators in one loop on, a kernel is register-blocked."""


def describe(candidate: Candidate, facts: Mapping[str, int]) -> tuple[int, int, int]:
    """The level on each axis, 0 to 3; all 0 for a source that cannot be read as a tree."""
    if candidate.language in VENDORS:
        return describe_gpu(facts)
    try:
        unit = dialect_of(candidate.language).read(evolve_block.split(candidate.source)[1])
    except (SourceError, RecursionError):
        return (0, 0, 0)
    return describe_unit(unit, facts)


def describe_unit(unit: Unit, facts: Mapping[str, int]) -> tuple[int, int, int]:
    """As :func:`describe`, for a tree."""
    statements = [statement for function in unit.functions for statement in walk(function.body)]
    vectors = any(_is_vector(statement) for statement in statements)
    simd = vectors or facts.get("vectorised_loops", 0) > 0 or any(_has_pragma(one, _SIMD) for one in statements)
    groups = any(is_kernel(function) for function in unit.functions)
    threads = groups or any(_has_pragma(one, _THREADS) for one in statements)
    sums, products = _accumulators(unit)
    return (
        _memory(unit, vectors or simd, max(sums, products)),
        _computation(unit, products),
        2 * threads + simd,
    )


def _memory(unit: Unit, vectors: bool, accumulators: int) -> int:
    if accumulators >= _ACCUMULATORS:
        return 3
    if _is_tiled(unit) or any(
        isinstance(one, Declare) and one.extents for function in unit.functions for one in walk(function.body)
    ):
        return 2
    return int(vectors)


def _computation(unit: Unit, products: int) -> int:
    if products >= _ACCUMULATORS:
        return 3
    if any(_is_online(place.loop) for place in all_loops(unit) if is_innermost(place.loop)):
        return 2
    return int(max((_passes(function) for function in unit.functions), default=0) <= 1)


def _is_vector(statement: Statement) -> bool:
    if isinstance(statement, Declare) and _VECTOR_TYPE.search(statement.type):
        return True
    return any(
        isinstance(part, Call) and _VECTOR_CALL.match(part.function)
        for expression in expressions(statement)
        for part in parts(expression)
    )


def _has_pragma(statement: Statement, pattern: re.Pattern[str]) -> bool:
    match statement:
        case Loop(pragmas=pragmas) | Block(pragmas=pragmas):
            return any(pattern.search(pragma) for pragma in pragmas)
        case RawStatement(text):
            return text.lstrip().startswith("#pragma") and bool(pattern.search(text))
        case _:
            return False


def _is_tiled(unit: Unit) -> bool:
    """A loop in larger steps with a loop inside that starts where it stands."""
    for place in all_loops(unit):
        for outer in place.path:
            if outer.step != Number("1") and outer.variable in names_in(place.loop.lower):
                return True
    return False


def _accumulators(unit: Unit) -> tuple[int, int]:
    """The most scalars that one innermost loop adds to, and how many of them take products."""
    most, most_products = 0, 0
    for place in all_loops(unit):
        if not is_innermost(place.loop):
            continue
        own = names_declared(place.loop.body)
        sums: set[str] = set()
        products: set[str] = set()
        for statement in walk(place.loop.body):
            if isinstance(statement, Assign) and isinstance(statement.target, Name):
                name = statement.target.text
                if name in own or not (statement.op == "+=" or name in names_in(statement.value)):
                    continue
                sums.add(name)
                if any(
                    (isinstance(part, Binary) and part.op == "*") or (isinstance(part, Call) and "fma" in part.function)
                    for part in parts(statement.value)
                ):
                    products.add(name)
        most, most_products = max(most, len(sums)), max(most_products, len(products))
    return most, most_products


def _is_online(loop: Loop) -> bool:
    """Carries a running maximum and a sum that is rescaled by an exponential, both in one loop."""
    own = names_declared(loop.body)
    rescaled = False
    compared = False
    for statement in walk(loop.body):
        if isinstance(statement, Assign) and (name := root_name(statement.target)) and name not in own:
            inside = names_in(statement.value) | ({name} if statement.op != "=" else set())
            rescaled = rescaled or (name in inside and (statement.op == "*=" or _multiplies(statement, name)))
            compared = compared or (statement.op == "=" and name not in names_in(statement.value)) or _is_max(statement)
    exponential = any(
        isinstance(part, Call) and _EXPONENTIAL.search(part.function)
        for statement in walk(loop.body)
        for expression in expressions(statement)
        for part in parts(expression)
    )
    return rescaled and compared and exponential


def _multiplies(statement: Assign, name: str) -> bool:
    return any(
        isinstance(part, Binary) and part.op == "*" and name in names_in(part.left) | names_in(part.right)
        for part in parts(statement.value)
    )


def _is_max(statement: Assign) -> bool:
    return any(isinstance(part, Call) and "max" in part.function for part in parts(statement.value))


def _passes(function: Function) -> int:
    """How many sibling loops read the same array, at most, anywhere in the function."""
    pointers = {parameter.name for parameter in function.parameters if "*" in parameter.type}
    aliases = {
        one.name: _base(one)
        for one in walk(function.body)
        if isinstance(one, Declare) and "*" in one.type and one.value is not None
    }
    most = 0
    for siblings in _lists(function.body):
        counts: dict[str, int] = {}
        for statement in siblings:
            if isinstance(statement, Loop):
                read = {aliases.get(name, name) for name in names_read((statement,))}
                for name in read & pointers:
                    counts[name] = counts.get(name, 0) + 1
        most = max(most, *counts.values(), 0)
    return most


def _base(declaration: Declare) -> str:
    names = [part.text for part in parts(declaration.value) if isinstance(part, Name)] if declaration.value else []
    return names[0] if names else ""


def _lists(body: tuple[Statement, ...]) -> Iterator[tuple[Statement, ...]]:
    yield body
    for statement in body:
        for inner in bodies(statement):
            yield from _lists(inner)
