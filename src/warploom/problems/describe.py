"""``python -m warploom.problems.describe PATH…``: the problems of these files as a JSON list on standard output.

Run in a process of its own, because running the files may import torch. Each description has ``imports`` besides: the
modules that the file took from elsewhere, of whose text its own says nothing. Whatever they print goes to standard
error. Exit status 2 and one line, the last on standard error, when a file cannot be used.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import importlib
import json
import os
import re
import site
import sys
import sysconfig
from collections.abc import Iterable, Set
from pathlib import Path

import warploom
from warploom.errors import ProblemError
from warploom.problems.native import MODULE_PREFIX, detach, execute, read
from warploom.values.problem import describe

_INSTALLED = ("stdlib", "platstdlib", "purelib", "platlib")

KNOWN = {"torch", "numpy"}
"""What every problem file may import and still be known by its own text."""


_OWN_WORDS = re.compile(r"warploom(\.values(\..+)?)?")
"""Modules of Warploom that problem files are written with; they import no PyTorch."""


def may_import_torch(text: str) -> bool:
    """Whether a problem file takes anything from elsewhere than Python and the words that problems are written with.

    A reference that only calls methods of its inputs needs PyTorch when it is called, not when it is described.
    """
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except (SyntaxError, ValueError, RecursionError):
        return False  # running it will say so
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    taken = [name for name in names if not _OWN_WORDS.fullmatch(name)]
    return any(name.partition(".")[0] not in sys.stdlib_module_names for name in taken)


def imported_since(before: Set[str]) -> list[str]:
    """Modules loaded since then that neither Python nor PyTorch brings; Warploom's own among them."""
    new = [name for name in sys.modules if name not in before and not name.startswith(MODULE_PREFIX)]
    tops = KNOWN | sys.stdlib_module_names
    return sorted(name for name in new if name.partition(".")[0] not in tops)


def of_the_user(names: Iterable[str]) -> dict[str, str]:
    """Those of these modules that no installed package brings, nor Warploom → hash of the file of each."""
    installed = [Path(one).resolve() for one in {*map(sysconfig.get_path, _INSTALLED), *site.getsitepackages()}]
    found: dict[str, str] = {}
    for name in names:
        path = Path(getattr(sys.modules[name], "__file__", None) or "").resolve()
        own = name.partition(".")[0] == warploom.__name__
        if not own and path.is_file() and not any(path.is_relative_to(one) for one in installed):
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def main(arguments: list[str]) -> int:
    """Print the descriptions of the problem files named by the arguments."""
    answer = os.dup(1)
    os.dup2(2, 1)
    descriptions = []
    try:
        files = [(path, read(path)) for path in map(Path, arguments)]
        if any(may_import_torch(text) for _, text in files):
            # What PyTorch imports is not the file's; that it is missing, execute says. It takes two seconds.
            with contextlib.suppress(ImportError):
                importlib.import_module("torch")
        for path, text in files:
            before = set(sys.modules)
            problem = execute(path)
            imports = imported_since(before)
            found = describe(detach(problem, path, text, of_the_user(imports)))
            descriptions.append({**found, "imports": imports})
    except ProblemError as error:
        sys.stdout.flush()
        sys.stderr.write(f"\n{error}\n")
        return 2
    with os.fdopen(answer, "w", encoding="utf-8") as stream:
        json.dump(descriptions, stream)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
