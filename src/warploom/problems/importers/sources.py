"""Source files of foreign programs, read as text. Standard library only."""

from __future__ import annotations

import ast
from pathlib import Path

from warploom.errors import ProblemError

LARGEST_BYTES = 4 << 20


def read_source(path: Path, address: object) -> str:
    """The text of a Python file.

    Raises:
        ProblemError: it cannot be read, or is no Python.
    """
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise ProblemError(f"{address}: {path} is larger than a source file is ({LARGEST_BYTES >> 20} MiB at most)")
        text = path.read_text(encoding="utf-8")
        ast.parse(text)
    except OSError as error:
        raise ProblemError(f"{address}: {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ProblemError(f"{address}: {path}: a source is UTF-8 text; byte {error.start} is none") from None
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = f":{error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        said = error.msg if isinstance(error, SyntaxError) else str(error)
        raise ProblemError(f"{address}: {path}{line}: {said}") from None
    return text


def defined(text: str) -> set[str]:
    """The names that a module defines at its top level, also inside ``if`` and ``try``."""
    found: set[str] = set()
    waiting = list(ast.parse(text).body)
    while waiting:
        statement = waiting.pop()
        match statement:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
            case ast.Assign(targets=targets):
                found.update(node.id for one in targets for node in ast.walk(one) if isinstance(node, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                found.add(name)
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                found.update(alias.asname or alias.name.partition(".")[0] for alias in names)
            case ast.If() | ast.Try() | ast.With():
                waiting += [node for node in ast.iter_child_nodes(statement) if isinstance(node, ast.stmt)]
    return found


def must_define(text: str, names: tuple[str, ...], path: Path, address: object) -> None:
    """Whether a source defines what its format asks for, before anything is run.

    Raises:
        ProblemError: it does not; names the first that is missing.
    """
    missing = [name for name in names if name not in defined(text)]
    if missing:
        raise ProblemError(f"{address}: {path} defines no {missing[0]}; this format needs {', '.join(names)}")
