"""Which problems a suite holds: ``catalog``, ``kernelbench:1/1-40``, ``gpumode:DIR``, a folder, a list in a file."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from warploom.errors import ConfigError, ProblemError
from warploom.problems.importers.address import SCALES, Address
from warploom.problems.importers.bring import address_of
from warploom.problems.importers.kernelbench import numbers
from warploom.problems.load import catalog_names

CATALOG = "catalog"


@dataclass(frozen=True)
class Entry:
    """One problem of a suite.

    Attributes:
        id: short and unique in the suite; also the name of its run's directory.
        address: what :func:`warploom.problems.load.load_problem` takes.
        level: the part of the suite that it belongs to, for the scores by level.
    """

    id: str
    address: str
    level: str


def list_suite(
    words: Sequence[str], root: Path | None = None, scale: str = "", trust: bool = False
) -> tuple[Entry, ...]:
    """The problems that these words stand for, in order, each once.

    Args:
        words: each ``catalog``, a format's suite (``kernelbench:LEVEL``, ``kernelbench:LEVEL/1-40,50``,
            ``gpumode:DIR``), a folder that holds problem files, a text file with one such word a line, or one problem.
        root: of the checkout, for words that are addresses.
        scale: of imported problems, "" for the default.
        trust: whether imported programs run as the user does, without a jail.

    Raises:
        ConfigError: a word stands for nothing, or there is no such scale.
        ProblemError: an address is wrong, or its checkout is not there.
    """
    if scale and scale not in SCALES:
        raise ConfigError(f"--scale {scale}: known: {', '.join(SCALES)}")
    found: dict[str, Entry] = {}
    taken: set[str] = set()
    for word in words:
        for address, level in _members(word, Options(root, scale, trust)):
            if address not in found:
                name = _id(address, taken)
                taken.add(name)
                found[address] = Entry(name, address, level)
    if not found:
        raise ConfigError("a suite needs at least one problem: catalog, kernelbench:1, a folder, or a list in a file")
    return tuple(found.values())


@dataclass(frozen=True)
class Options:
    """What the command line says of every imported problem; the fields as of :func:`list_suite`."""

    root: Path | None
    scale: str
    trust: bool


Member = tuple[str, str]
"""Address and level."""


def _members(word: str, options: Options, listed_in: Path | None = None) -> Iterator[Member]:
    if word == CATALOG:
        yield from ((name, CATALOG) for name in catalog_names())
        return
    if word in catalog_names():
        yield word, CATALOG
        return
    address = address_of(word)
    if address is not None:
        yield from _of_format(_completed(address, options, listed_in))
        return
    path = (listed_in.parent if listed_in else Path()) / word
    if path.is_dir():
        yield from _of_folder(path)
    elif path.suffix == ".py" and path.is_file():
        yield str(path.absolute()), path.absolute().parent.name
    elif path.is_file() and listed_in is None:
        yield from _of_list(path, options)
    else:
        where = f"{listed_in}: " if listed_in else ""
        raise ConfigError(
            f"{where}{word!r} is no suite: give catalog, kernelbench:LEVEL, kernelbench:LEVEL/1-40, gpumode:DIR, a "
            "folder of problem files, a text file that lists problems, or a problem"
        )


def _completed(address: Address, options: Options, listed_in: Path | None) -> Address:
    """The address with the options that the command line gives, where it has none of its own."""
    if not address.root and options.root is not None:
        address = replace(address, root=str(options.root.expanduser().absolute()))
    if address.root and listed_in is not None:
        address = replace(address, root=str((listed_in.parent / address.root).absolute()))
    return replace(address, scale=options.scale or address.scale, trust=options.trust or address.trust)


def _of_format(address: Address) -> Iterator[Member]:
    """The problems of another format."""
    if address.format == "kernelbench":
        level, _, chosen = address.place.partition("/")
        for number in _chosen(address, numbers(address, level), chosen):
            yield str(replace(address, place=f"{level}/{number}")), f"level {level}"
    elif address.format == "gpumode":
        folder = Path(address.root, address.place).expanduser().absolute()
        tasks = sorted(path.parent for path in folder.rglob("task.yml"))
        if not tasks:
            raise ProblemError(f"{address}: there is no task.yml in {folder} or below it")
        yield from ((str(replace(address, place=str(task), root="")), task.parent.name) for task in tasks)
    else:
        yield str(address), address.format


def _chosen(address: Address, known: Sequence[int], words: str) -> list[int]:
    """The numbers that ``1-40,50`` chooses, all of them where nothing is chosen."""
    if not words:
        return list(known)
    found: list[int] = []
    for word in words.split(","):
        matched = re.fullmatch(r"(\d+)(?:-(\d+))?", word.strip())
        if matched is None:
            raise ProblemError(
                f"{address}: {word!r} is no number and no range; give problems as in kernelbench:1/1-40,50"
            )
        first, last = int(matched[1]), int(matched[2] or matched[1])
        chosen = [number for number in known if first <= number <= last]
        if not chosen:
            raise ProblemError(f"{address}: this checkout has no problem {word.strip()} at that level")
        found += [number for number in chosen if number not in found]
    return found


def _of_folder(folder: Path) -> Iterator[Member]:
    """The files below a folder that define ``problem``."""
    found = [path for path in sorted(folder.absolute().rglob("*.py")) if _defines_problem(path)]
    if not found:
        raise ConfigError(f"{folder} holds no problem file: a Python file that defines `problem`")
    for path in found:
        home = path.parent if path.stem != "problem" else path.parent.parent
        yield str(path), home.name


def _defines_problem(path: Path) -> bool:
    """Whether a file assigns to the name ``problem``; read, not run."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError, RecursionError):
        return False
    targets = [target for node in tree.body if isinstance(node, ast.Assign) for target in node.targets]
    return any(isinstance(target, ast.Name) and target.id == "problem" for target in targets)


def _of_list(path: Path, options: Options) -> Iterator[Member]:
    """The problems that a text file lists, a word a line; ``#`` begins a remark, paths are relative to the file."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: the list of problems cannot be read: {error}") from None
    words = [word for line in lines if (word := line.partition("#")[0].strip())]
    if not words:
        raise ConfigError(f"{path} lists no problems: one address, name or path a line")
    for word in words:
        yield from _members(word, options, path)


def _id(address: str, taken: set[str]) -> str:
    """A name for directories that no other entry has."""
    known = address_of(address)
    if known is None:
        path = Path(address)
        plain = path.parent.name if path.name == "problem.py" else path.stem
    else:
        plain = f"kb-{known.place}" if known.format == "kernelbench" else Path(known.place.partition(":")[0]).stem
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", plain).strip("-.") or "problem"
    name, number = plain, 2
    while name in taken:
        name, number = f"{plain}-{number}", number + 1
    return name
