"""Compile kernels before and after a rewrite, run both on the same data, and count the work of each."""

from __future__ import annotations

import ctypes
import hashlib
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from warploom.syntax.cpp.parse import parse
from warploom.syntax.cpp.render import render
from warploom.syntax.cpp.tree import Assign, Evaluate, Function, If, Loop, RawExpression, Statement, Unit
from warploom.syntax.cpp.walk import Statements, walk

Array = NDArray[Any]
Argument = Array | int | float
Build = Callable[[Sequence[str]], list[ctypes.CDLL]]
FLAGS = ("-O1", "-march=native", "-fopenmp", "-fPIC", "-Wno-psabi", "-Wno-attributes")
HEADERS = "#include <algorithm>\n#include <cmath>\n#include <cstdint>\n#include <cstring>\n#include <vector>\n"


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Sources → loaded libraries, compiled side by side and once each."""
    folder = tmp_path_factory.mktemp("moves")
    header = folder / "headers.h"
    header.write_text(HEADERS)
    subprocess.run(["g++", "-x", "c++-header", *FLAGS, str(header), "-o", f"{header}.gch"], check=True)

    def go(sources: Sequence[str]) -> list[ctypes.CDLL]:
        loaded = []
        started: list[tuple[Path, subprocess.Popen[str]]] = []
        for source in sources:
            stem = hashlib.sha256(source.encode()).hexdigest()[:20]
            target = folder / f"{stem}.so"
            if not target.exists() and all(target != path for path, _ in started):
                text = folder / f"{stem}.cpp"
                text.write_text(source)
                process = subprocess.Popen(
                    ["g++", *FLAGS, "-shared", "-include", str(header), str(text), "-o", str(target)],
                    stderr=subprocess.PIPE,
                    text=True,
                )
                started.append((target, process))
            loaded.append(target)
        for path, process in started:
            _, errors = process.communicate()
            assert process.returncode == 0, errors[-3000:] + Path(path).with_suffix(".cpp").read_text()
        return [ctypes.CDLL(str(path)) for path in loaded]

    return go


def call(library: ctypes.CDLL, entry: str, arguments: Sequence[Argument]) -> list[Array]:
    """Call with copies of the arrays; gives the copies back."""
    copies: list[Argument] = [value.copy() if isinstance(value, np.ndarray) else value for value in arguments]
    passed: list[object] = []
    for value in copies:
        if isinstance(value, np.ndarray):
            passed.append(ctypes.c_void_p(value.ctypes.data))
        else:
            passed.append(ctypes.c_float(value) if isinstance(value, float) else ctypes.c_int64(value))
    getattr(library, entry)(*passed)
    return [value for value in copies if isinstance(value, np.ndarray)]


@pytest.fixture(scope="session")
def run_both(build: Build) -> Callable[..., None]:
    """``run_both(before, after, entry, cases)``: both sources give the same arrays for every case."""

    def go(before: str, after: str, entry: str, cases: Sequence[Sequence[Argument]], tolerance: float = 2e-5) -> None:
        old, new = build([before, after])
        for case in cases:
            for one, two in zip(call(old, entry, case), call(new, entry, case), strict=True):
                np.testing.assert_allclose(two, one, rtol=tolerance, atol=tolerance, err_msg=f"{case}\n{after}")

    return go


COUNTER = 'extern "C" { int64_t work_count = 0; }\n'


def counted(unit: Unit) -> str:
    """The unit with every statement of the innermost loops (those without a loop inside) counted as it runs."""

    def tick(count: int) -> Statement:
        return Evaluate(RawExpression(f"__atomic_fetch_add(&work_count, {count}, 0)"))

    def go(statements: Statements, inside: bool) -> Statements:
        made: list[Statement] = []
        for statement in statements:
            match statement:
                case Loop(body=body):
                    innermost = not _has_loop(body)
                    extra = (tick(_work(body)),) if innermost else ()
                    made.append(
                        Loop(
                            statement.variable,
                            statement.lower,
                            statement.upper,
                            (*go(body, innermost), *extra),
                            statement.step,
                            statement.type,
                            statement.pragmas,
                        )
                    )
                case If(condition, then, otherwise):
                    made.append(If(condition, go(then, inside), go(otherwise, inside)))
                case _:
                    made.append(statement)
        return tuple(made)

    items = tuple(
        Function(item.name, item.result, item.parameters, go(item.body, False), item.prefix)
        if isinstance(item, Function)
        else item
        for item in unit.items
    )
    return COUNTER + render(Unit(items))


def _has_loop(statements: Statements) -> bool:
    return any(isinstance(statement, Loop) for statement in walk(statements))


def _work(statements: Statements) -> int:
    return sum(isinstance(statement, Assign) for statement in statements)


@pytest.fixture(scope="session")
def work_of(build: Build) -> Callable[[str, str, Sequence[Argument]], int]:
    """``work_of(source, entry, arguments)``: assignments done in innermost loops by one call."""

    def go(source: str, entry: str, arguments: Sequence[Argument]) -> int:
        (library,) = build([counted(parse(source))])
        counter = ctypes.c_int64.in_dll(library, "work_count")
        counter.value = 0
        call(library, entry, arguments)
        return counter.value

    return go
