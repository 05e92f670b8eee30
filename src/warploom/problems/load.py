"""Load a problem by name or path without importing torch into this process."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from warploom.errors import ProblemError
from warploom.problems.apart import ask_apart
from warploom.problems.cache import DescriptionCache, cache_directory, revive
from warploom.problems.importers.bring import FORMATS, address_of, bring
from warploom.problems.native import read
from warploom.problems.trust import is_foreign
from warploom.values.problem import Problem

__all__ = ["cache_directory", "catalog_names", "find_seed", "is_shipped", "load_catalog", "load_problem", "locate"]

CATALOG = Path(__file__).parent / "catalog"
ROOMS: dict[str, Path] = {"cpu": CATALOG, "gpu": CATALOG / "gpu"}
"""Where shipped problems are, by the device that their shapes and dtypes are for; a name stands in one room only."""

SEEDS: dict[str, str] = {"triton": "seed_triton.py", "cuda": "seed.cu", "opencl": "seed.cl"}
"""Language → the name of its seeds; any other language's are ``seed.<language>``."""

DEADLINE_SECONDS = 120.0


def catalog_names(room: str = "cpu") -> tuple[str, ...]:
    """The shipped problems of a room, in alphabetical order.

    Args:
        room: one of :data:`ROOMS`.
    """
    return tuple(sorted(path.parent.name for path in ROOMS[room].glob("*/problem.py")))


def is_shipped(name: str) -> bool:
    """Whether a problem of this name ships with Warploom, in whichever room."""
    return any(name in catalog_names(room) for room in ROOMS)


def locate(name_or_path: str | Path) -> Path:
    """The problem file that a name of the catalog, a path or an address such as ``kernelbench:1/23`` stands for.

    What lies at an address is made into a problem file in the cache first, unless that was done before.

    Raises:
        ProblemError: none of these, with the nearest entries of the catalog; or nothing usable lies at the address.
    """
    shelves = {name: folder for room, folder in ROOMS.items() for name in catalog_names(room)}
    text = str(name_or_path)
    address = address_of(text)
    if address is not None:
        return bring(address, cache_directory())
    if text in shelves:
        return shelves[text] / text / "problem.py"
    path = Path(name_or_path)
    if path.exists() or path.suffix == ".py" or len(path.parts) > 1:
        return path
    near = difflib.get_close_matches(text, shelves, n=3, cutoff=0.5)
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


def load_catalog(cache: Path | None = None, room: str = "cpu") -> dict[str, Problem]:
    """Every problem of a room by name; those not yet remembered share one process.

    Args:
        cache: as in :func:`load_problem`.
        room: one of :data:`ROOMS`.
    """
    names = catalog_names(room)
    return dict(zip(names, _load([ROOMS[room] / name / "problem.py" for name in names], cache), strict=True))


def find_seed(name_or_path: str | Path, language: str = "cpp") -> Path:
    """The starting implementation beside a problem file: ``<stem>.seed.cpp``, or else ``seed.cpp``.

    Args:
        name_or_path: as in :func:`load_problem`.
        language: whose seed; :data:`SEEDS` has the names of those that are not called ``seed.<language>``.

    Raises:
        ProblemError: there is none; the message says where one is expected.
    """
    path = locate(name_or_path)
    name = SEEDS.get(language, f"seed.{language}")
    choices = (path.with_name(f"{path.stem}.{name}"), path.with_name(name))
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
    # A foreign one shares its process with no other.
    foreign = [path for path in unknown if is_foreign(texts[path])]
    own = [path for path in unknown if path not in foreign]
    for together in ([own] if own else []) + [[path] for path in foreign]:
        for path, description in zip(together, _describe_apart(together, together[0] in foreign), strict=True):
            found[path] = _revived(description, path, texts[path])
            cache.remember(texts[path], description)
    return [problem for problem in found.values() if problem is not None]


def _describe_apart(paths: Sequence[Path], foreign: bool) -> list[dict[str, Any]]:
    """What the problem files say, found out in another process."""
    name = str(paths[0] if len(paths) == 1 else CATALOG)
    answer = ask_apart(
        ["-m", "warploom.problems.describe", *map(str, paths)],
        name=name,
        what="problem file",
        foreign=foreign,
        deadline_s=DEADLINE_SECONDS,
        shown=paths,
    )
    if not isinstance(answer, list) or [type(one) for one in answer] != [dict] * len(paths):
        raise ProblemError(f"{name}: the problem file was not described")
    return answer


def _revived(description: dict[str, Any], path: Path, text: str) -> Problem:
    """The problem that a process described; whatever it said."""
    try:
        return revive(description, path, text)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise ProblemError(f"{path}: the problem file describes no problem ({type(error).__name__})") from None
    except ProblemError as error:
        raise ProblemError(f"{path}: {error}") from None
