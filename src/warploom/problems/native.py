"""The native format: a plain Python module that defines ``problem``.

:func:`execute` runs it in this process, so it belongs in processes that may import torch.
"""

from __future__ import annotations

import difflib
import hashlib
import inspect
import re
import sys
import traceback
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from warploom.errors import ProblemError
from warploom.problems.names import check_names
from warploom.problems.trust import without_mark
from warploom.values.problem import Problem, Reference, Tensor
from warploom.values.tolerance import Tolerance

MISSING_TORCH = (
    "PyTorch is not installed in this Python; install the build for your machine, "
    'for example with: pip install "warploom[torch]"'
)


MODULE_PREFIX = "warploom_problem_"


def execute(path: Path) -> Problem:
    """Run a problem file here and take its ``problem``.

    Args:
        path: the problem file.

    Returns:
        The problem, with the reference as a callable.

    Raises:
        ProblemError: the file cannot be read or run, or defines no usable ``problem``; one line with file and line.
    """
    text = read(path)
    module = ModuleType(f"{MODULE_PREFIX}{hashlib.sha256(str(path).encode()).hexdigest()[:12]}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module
    try:
        exec(compile(text, str(path), "exec"), module.__dict__)
    except (Exception, SystemExit) as error:
        raise ProblemError(_explain(path, error)) from error
    problem = getattr(module, "problem", None)
    if not isinstance(problem, Problem):
        found = "defines no `problem`" if problem is None else f"has a `problem` of type {type(problem).__name__}"
        raise ProblemError(f"{path}: the file {found}; end it with: problem = Problem(name=…, axes=…, inputs=…, …)")
    try:
        check_names(problem)
        _check_reference(problem)
    except ProblemError as error:
        raise ProblemError(f"{path}: {error}") from None
    return problem


def read(path: Path) -> str:
    """The text of a problem file.

    Raises:
        ProblemError: there is no such file, or it is no text.
    """
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ProblemError(f"{path}: there is no such problem file") from None
    except IsADirectoryError:
        raise ProblemError(f"{path}: this is a directory; give the path of the problem file in it") from None
    except OSError as error:
        raise ProblemError(f"{path}: the problem file cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ProblemError(f"{path}: a problem file is UTF-8 text; byte {error.start} is none") from None


def text_hash(text: str) -> str:
    """Hex digest that stands for the text of a problem file, whether it is trusted or not."""
    return hashlib.sha256(without_mark(text).encode()).hexdigest()


def detach(problem: Problem, path: Path, text: str, modules: Mapping[str, str] | None = None) -> Problem:
    """The same problem with the reference replaced by the place where it is written.

    Args:
        problem: as :func:`execute` gave it.
        path: the file it came from.
        text: that file's text.
        modules: as :class:`warploom.values.problem.Reference` has them.
    """
    name = getattr(problem.reference, "__name__", type(problem.reference).__name__)
    return replace(problem, reference=Reference(str(path), name, text_hash(text), dict(modules or {})))


def _check_reference(problem: Problem) -> None:
    """The reference must be callable with the inputs, in order."""
    if not callable(problem.reference):
        raise ProblemError(f"reference must be a function, not {type(problem.reference).__name__}")
    try:
        inspect.signature(problem.reference).bind(*problem.inputs)
    except TypeError as error:
        raise ProblemError(
            f"reference cannot be called with the inputs ({', '.join(problem.inputs)}): {error}"
        ) from None
    except ValueError:  # a builtin that does not tell its signature
        return


def _explain(path: Path, error: BaseException) -> str:
    """One line: file, line of the file that was running, what happened, what to do."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return f"{path}:{error.lineno}: {error.msg}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    place = f"{path}:{lines[-1]}" if lines else str(path)
    if isinstance(error, ModuleNotFoundError) and (error.name or "").split(".")[0] == "torch":
        return f"{place}: {MISSING_TORCH}"
    said = _misused(error) or " ".join(str(error).split())
    if isinstance(error, ProblemError) or _misused(error):
        return f"{place}: {said}"
    return f"{place}: {type(error).__name__}: {said}" if said else f"{place}: {type(error).__name__}"


def _misused(error: BaseException) -> str:
    """What a call of one of our classes lacks, or has too much, in words of the problem file; "" for another error."""
    found = _CALL.fullmatch(str(error)) if isinstance(error, TypeError) else None
    if found is None:
        return ""
    called, said = _CALLED[found[1]], found[2]
    names = _QUOTED.findall(said)
    takes = list(inspect.signature(called).parameters)
    if said.startswith("missing"):
        lacking = " and ".join(f"{name}={_KINDS.get(name, '…')}" for name in names)
        return f"{found[1]}(…) lacks {lacking}"
    if "unexpected keyword" in said:
        near = difflib.get_close_matches(names[0], takes, n=1)
        hint = f"did you mean {near[0]}?" if near else f"it takes {', '.join(takes)}"
        return f"{found[1]}(…) takes no {names[0]}; {hint}"
    return f"{found[1]}(…) {said.replace('__init__() ', '')}; it takes {', '.join(takes)}, by their names"


_CALLED: dict[str, type] = {"Problem": Problem, "Tensor": Tensor, "Tolerance": Tolerance}
_CALL = re.compile(rf"({'|'.join(_CALLED)})\.__init__\(\) (.+)", re.DOTALL)
_QUOTED = re.compile(r"'(\w+)'")
_KINDS: dict[str, str] = {
    "name": '"…"',
    "axes": '("n",)',
    "inputs": '{"x": Tensor("n")}',
    "outputs": '{"y": Tensor("n")}',
    "reference": "the function",
    "workloads": "[Workload(n=4096)]",
    "shape": '"n"',
}
"""Argument that must be given → what it looks like."""
