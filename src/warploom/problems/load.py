"""Load a problem by name or path without importing torch into this process."""

from __future__ import annotations

import difflib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from warploom.errors import ProblemError
from warploom.problems.cache import DescriptionCache, cache_directory, revive
from warploom.problems.importers.bring import FORMATS, address_of, bring
from warploom.problems.native import read
from warploom.values.keys import without_keys
from warploom.values.problem import Problem

__all__ = ["cache_directory", "catalog_names", "find_seed", "load_catalog", "load_problem", "locate"]

CATALOG = Path(__file__).parent / "catalog"
DEADLINE_SECONDS = 120.0


def catalog_names() -> tuple[str, ...]:
    """The shipped problems, in alphabetical order."""
    return tuple(sorted(path.parent.name for path in CATALOG.glob("*/problem.py")))


def locate(name_or_path: str | Path) -> Path:
    """The problem file that a name of the catalog, a path or an address such as ``kernelbench:1/23`` stands for.

    What lies at an address is made into a problem file in the cache first, unless that was done before.

    Raises:
        ProblemError: none of these, with the nearest entries of the catalog; or nothing usable lies at the address.
    """
    names = catalog_names()
    text = str(name_or_path)
    address = address_of(text)
    if address is not None:
        return bring(address, cache_directory())
    if text in names:
        return CATALOG / text / "problem.py"
    path = Path(name_or_path)
    if path.exists() or path.suffix == ".py" or len(path.parts) > 1:
        return path
    near = difflib.get_close_matches(text, names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    raise ProblemError(
        f"unknown problem {text!r}: {hint}`warploom problems` lists the catalog; a problem file is given by its path, "
        f"another format by an address: {', '.join(f'{name}:…' for name in FORMATS)}"
    )


def load_problem(name_or_path: str | Path, cache: Path | None = None) -> Problem:
    """Load a problem from the catalog or from a problem file.

    The file is run in a process of its own; what it says is remembered under the hash of its text, so that
    loading it again takes milliseconds and needs no torch.

    Args:
        name_or_path: a name from :func:`catalog_names`, the path of a problem file, or an address in another
            format, see :mod:`warploom.problems.importers`.
        cache: directory of remembered descriptions; by default ``problems`` in :func:`cache_directory`.
            One that cannot be written is done without.

    Returns:
        The problem; its reference is the place where the function is written.

    Raises:
        ProblemError: an unknown name, a missing file, or a file that defines no usable problem.
    """
    return _load([locate(name_or_path).absolute()], cache)[0]


def load_catalog(cache: Path | None = None) -> dict[str, Problem]:
    """Every problem of the catalog by name; those not yet remembered share one process.

    Args:
        cache: as in :func:`load_problem`.
    """
    names = catalog_names()
    return dict(zip(names, _load([CATALOG / name / "problem.py" for name in names], cache), strict=True))


def find_seed(name_or_path: str | Path, language: str = "cpp") -> Path:
    """The starting implementation beside a problem file: ``<stem>.seed.cpp``, or else ``seed.cpp``.

    Raises:
        ProblemError: there is none; the message says where one is expected.
    """
    path = locate(name_or_path)
    choices = (path.with_name(f"{path.stem}.seed.{language}"), path.with_name(f"seed.{language}"))
    for choice in choices:
        if choice.is_file():
            return choice
    raise ProblemError(
        f"{path}: no starting implementation in {language}; write {choices[1].name} or {choices[0].name} beside it, "
        "or give one with --start"
    )


def _load(paths: Sequence[Path], directory: Path | None) -> list[Problem]:
    """The problems of these files, in order; the unremembered ones are found out together."""
    texts = {path: read(path) for path in paths}
    cache = DescriptionCache(directory if directory is not None else cache_directory() / "problems")
    found = {path: cache.recall(path, text) for path, text in texts.items()}
    unknown = [path for path, problem in found.items() if problem is None]
    if unknown:
        for path, description in zip(unknown, _describe_apart(unknown), strict=True):
            cache.remember(texts[path], description)
            found[path] = revive(description, path)
    return [problem for problem in found.values() if problem is not None]


def _describe_apart(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """What the problem files say, found out in another process."""
    # -P keeps the current directory off the module path: a stray torch.py there is not PyTorch.
    command = [sys.executable, "-P", "-m", "warploom.problems.describe", *map(str, paths)]
    name = paths[0] if len(paths) == 1 else CATALOG
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            timeout=DEADLINE_SECONDS,
            stdin=subprocess.DEVNULL,
            env=without_keys(os.environ),
        )
    except subprocess.TimeoutExpired:
        raise ProblemError(f"{name}: running the problem file took longer than {DEADLINE_SECONDS:g} s") from None
    said = done.stderr.decode(errors="replace").strip().splitlines()
    if done.returncode == 2 and said:
        raise ProblemError(said[-1])
    try:
        descriptions: list[dict[str, Any]] = json.loads(done.stdout)
    except ValueError:
        last = f": {said[-1]}" if said else ""
        raise ProblemError(
            f"{name}: the problem file ended its process (exit status {done.returncode}) before it was read to the "
            f"end{last}"
        ) from None
    return descriptions
