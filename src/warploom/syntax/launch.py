"""The ``LAUNCH(…)`` line of a GPU kernel: ``LAUNCH(grid=((rows + 3) // 4, heads), block=THREADS, shared=4 * THREADS)``.

It stands alone on a line of the source and is taken out before the compiler sees it; line numbers stay. The grid and
the bytes of a workspace may name axes and ``TUNE`` parameters; block and shared memory are the same for every workload
and may name parameters only.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Mapping, Sequence

from warploom.errors import ProblemError, SourceError
from warploom.syntax import tune
from warploom.values.candidate import Candidate, Scalar
from warploom.values.launch import Launch
from warploom.values.shape import extent
from warploom.values.signature import Signature

_LINE = re.compile(r"^[ \t]*LAUNCH[ \t]*\(.*$", re.MULTILINE)
_NAME = re.compile(r"[A-Za-z_]\w*")
_REST = re.compile(r"[ \t]*;?[ \t\r]*((//|#).*)?")
_FORM = "write LAUNCH(grid=(…), block=…, shared=…) on a line of its own"


def declared(source: str) -> bool:
    """Whether the source has a LAUNCH line."""
    return bool(_LINE.search(source))


def remove(source: str) -> str:
    """The source with an empty line where the LAUNCH line was."""
    return _LINE.sub("", source)


def of(candidate: Candidate, signature: Signature, keys: Collection[str]) -> tuple[Launch, dict[str, Scalar]]:
    """How a candidate is started, and the values of all its TUNE lines.

    Args:
        candidate: with its parameters.
        signature: of the kernel; the grid may name its axes.
        keys: as for :func:`read`.

    Raises:
        SourceError: its TUNE and LAUNCH lines do not say, or its parameters do not fit them.
    """
    given = dict(candidate.parameters)
    tune.resolve(candidate.source, given)
    lines = tune.declared(candidate.source)
    parameters = {line.name: given.get(line.name, line.default) for line in lines}
    axes = [argument.name for argument in signature.arguments if argument.role == "axis"]
    return read(candidate.source, axes, parameters, keys), parameters


def read(source: str, axes: Collection[str], parameters: Mapping[str, Scalar], keys: Collection[str]) -> Launch:
    """The launch that a source declares.

    Args:
        source: with its LAUNCH line.
        axes: names that grid and workspace may use.
        parameters: values of all TUNE parameters; those that are integers may be used.
        keys: what the line may say, of "grid", "block", "shared" and "workspace".

    Raises:
        SourceError: no such line, more than one, or one that cannot be read.
    """
    found = list(_LINE.finditer(source))
    if len(found) != 1:
        raise SourceError(f"the source has {len(found) or 'no'} LAUNCH lines; {_FORM}")
    number = source.count("\n", 0, found[0].start()) + 1
    constants = {name: value for name, value in parameters.items() if type(value) is int}
    try:
        words = expressions(found[0].group(), keys)
        grid = words.get("grid", ["1"])
        workspace = words.get("workspace", [""])
        for word in (*grid, *filter(None, workspace)):
            _check_names(word, {*axes, *constants})
        block = tuple(extent(word, constants) for word in words.get("block", []))
        shared = [extent(word, constants) for word in words.get("shared", ["0"])]
        if not all(0 < threads <= 1024 for threads in block) or len(shared) != 1 or shared[0] < 0:
            raise ProblemError(f"a block has 1 to 1024 threads and no negative shared memory; {_FORM}")
        if "block" in keys and not block:
            raise ProblemError(f"the block is missing; {_FORM}")
        if len(workspace) != 1:
            raise ProblemError("a workspace is one number of bytes")
        x, y, z = (*grid, "1", "1", "1")[:3]
        launch = Launch((x, y, z), block, shared[0], constants, workspace[0])
        if not {*axes} & {*_NAME.findall(workspace[0])}:
            launch.workspace_bytes({})  # the same for every workload
    except ProblemError as error:
        raise SourceError(f"line {number}: {error}") from None
    return launch


def expressions(line: str, keys: Collection[str]) -> dict[str, list[str]]:
    """What a LAUNCH line says: of "grid", "block", "shared", "workspace" those that it names → their expressions.

    Raises:
        ProblemError: it cannot be read, or says something else.
    """
    try:
        call = ast.parse(_call(line), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ProblemError(f"{line.strip()[:120]!r} cannot be read; {_FORM}") from None
    if not isinstance(call, ast.Call) or call.args:
        raise ProblemError(f"{line.strip()[:120]!r} cannot be read; {_FORM}")
    words: dict[str, list[str]] = {}
    for keyword in call.keywords:
        if keyword.arg is None or keyword.arg not in keys:
            raise ProblemError(f"LAUNCH knows no {keyword.arg}; it takes: {', '.join(keys)}")
        value = keyword.value
        parts = value.elts if isinstance(value, ast.Tuple) else [value]
        if not 1 <= len(parts) <= 3:
            raise ProblemError(f"{keyword.arg} has one to three extents, not {len(parts)}")
        words[keyword.arg] = [ast.unparse(part) for part in parts]
    return words


def written(words: Mapping[str, Sequence[str]]) -> str:
    """The LAUNCH line that says this: :func:`expressions` reads it back."""
    said = {key: value[0] if len(value) == 1 else f"({', '.join(value)})" for key, value in words.items()}
    return f"LAUNCH({', '.join(f'{key}={value}' for key, value in said.items())})"


def _call(line: str) -> str:
    """The line up to the bracket that closes it; behind that may stand a semicolon and a comment."""
    depth = 0
    for place, letter in enumerate(line):
        depth += (letter == "(") - (letter == ")")
        if letter == ")" and depth == 0:
            if _REST.fullmatch(line, place + 1):
                return line[: place + 1].strip()
            break
    raise ValueError(line)


def _check_names(word: str, names: Collection[str]) -> None:
    """An unknown name, or anything but arithmetic, is a :class:`ProblemError`; values are not known yet."""
    extent(re.sub(r"//|%", "+", word), dict.fromkeys(names, 1))
