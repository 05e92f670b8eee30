"""The exhibits of the zoo: a cheat, an honest look-alike, and what is said of the two.

Each lies in a folder of its own under ``zoo/``: ``cheat.cpp``, ``honest.cpp`` and ``exhibit.toml``. The README there
explains the keys.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

from warploom.problems import load_problem
from warploom.problems.load import catalog_names
from warploom.sandbox import pages
from warploom.values.candidate import Candidate
from warploom.values.outcome import FAILURE_KINDS, STAGES, Evaluation, Failed, Passed
from warploom.values.problem import Problem

HERE = Path(__file__).parent
ZOO = HERE / "zoo"
PROBLEMS = HERE / "problems"
ORIGINS = ("listed", "native", "found")
EFFORTS = ("screen", "promote")
LISTED = 39
"""Length of the list of known exploits, see ``zoo/README.md``."""


class ExhibitError(Exception):
    """An exhibit is not what it should be; the message says which file and what."""


@dataclass(frozen=True)
class Exhibit:
    """One cheat and its honest look-alike.

    Attributes:
        folder: where it lies; its name is the exhibit's.
        title: what the cheat does, in a few words.
        origin: "listed", "native" (what native code can do besides), or "found" (our own find).
        problem: a name of the catalog, or a file beside the exhibit or in ``problems/``.
        guard: in words, what must catch it.
        kinds: kinds of failure that count as caught.
        disabled_by: name of the guard in ``guards.py`` without which it gets through.
        exploits: numbers in the list of known exploits.
        says: words that the failure's message must contain: the evidence.
        stage: where it must fail, "" for anywhere.
        efforts: "screen", or "promote" where only the checks of a promotion can see it.
        runs: how many evaluations in a row must all fail: 2 where one could leave something for the next.
        got_through: whether it fooled the judge at first.
        fix: what was done about that.
        analogue: where the original needs a GPU or Python, what this stands for.
        needs: "pages" where the system must tell which pages a process has read.
    """

    folder: Path
    title: str
    origin: str
    problem: str
    guard: str
    kinds: tuple[str, ...]
    disabled_by: str
    exploits: tuple[int, ...] = ()
    says: str = ""
    stage: str = ""
    efforts: tuple[str, ...] = ("screen",)
    runs: int = 1
    got_through: bool = False
    fix: str = ""
    analogue: str = ""
    needs: str = ""

    @property
    def name(self) -> str:
        """Of the folder."""
        return self.folder.name

    @property
    def missing(self) -> str:
        """Why this system cannot catch it; "" where it can."""
        told = self.needs != "pages" or pages.forget(os.getpid())
        return "" if told else "this system does not tell which pages a process has read"

    @property
    def problem_path(self) -> str | Path:
        """As :func:`warploom.problems.load_problem` takes it."""
        beside = self.folder / self.problem
        return beside if beside.is_file() else PROBLEMS / self.problem if self.problem.endswith(".py") else self.problem

    def candidate(self, which: str, problem: Problem) -> Candidate:
        """``cheat`` or ``honest`` as a candidate."""
        text = (self.folder / f"{which}.cpp").read_text()
        return Candidate(problem.hash, "cpp", (("kernel.cpp", text),), problem.name)

    def escaped(self, evaluation: Evaluation) -> str:
        """Why this evaluation of the cheat is not the failure it should be, "" when it was caught as foretold."""
        if isinstance(evaluation, Passed):
            return "it passed"
        if evaluation.kind not in self.kinds:
            return f"caught as {evaluation.kind}, not {' or '.join(self.kinds)}: {evaluation.message}"
        if self.stage and evaluation.stage != self.stage:
            return f"caught in stage {evaluation.stage}, not {self.stage}: {evaluation.message}"
        if self.says not in evaluation.message:
            return f"the message lacks {self.says!r}: {evaluation.message}"
        return ""


def caught(evaluation: Evaluation) -> bool:
    """Whether a cheat failed by its own fault, in whatever way: a judge that failed itself caught nobody."""
    return isinstance(evaluation, Failed) and evaluation.stage != "judge"


def load_exhibits(zoo: Path = ZOO) -> list[Exhibit]:
    """Every exhibit, by name.

    Raises:
        ExhibitError: one is incomplete or says what cannot be.
    """
    return [read_exhibit(folder) for folder in sorted(zoo.iterdir()) if folder.is_dir()]


def read_exhibit(folder: Path) -> Exhibit:
    """One exhibit.

    Raises:
        ExhibitError: it is incomplete or says what cannot be.
    """
    for name in ("cheat.cpp", "honest.cpp", "exhibit.toml"):
        if not (folder / name).is_file():
            raise ExhibitError(f"{folder / name}: missing; an exhibit has a cheat, an honest look-alike and its words")
    path = folder / "exhibit.toml"
    try:
        values = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise ExhibitError(f"{path}: {error}") from error
    exhibit = Exhibit(folder=folder, **_typed(values, path))
    _check(exhibit, path)
    return exhibit


def _typed(values: Mapping[str, Any], path: Path) -> dict[str, Any]:
    known = {field.name: field for field in fields(Exhibit) if field.name != "folder"}
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ExhibitError(f"{path}: unknown key {unknown[0]!r}; known: {', '.join(known)}")
    missing = [name for name, field in known.items() if field.default is MISSING and name not in values]
    if missing:
        raise ExhibitError(f"{path}: key {missing[0]!r} is missing")
    typed: dict[str, Any] = {}
    for name, value in values.items():
        kind = str(known[name].type)
        right = {
            "str": isinstance(value, str),
            "int": type(value) is int,
            "bool": isinstance(value, bool),
            "tuple[str, ...]": isinstance(value, list) and all(isinstance(one, str) for one in value),
            "tuple[int, ...]": isinstance(value, list) and all(type(one) is int for one in value),
        }[kind]
        if not right:
            raise ExhibitError(f"{path}: {name} = {value!r} is no {kind}")
        typed[name] = tuple(value) if isinstance(value, list) else value
    return typed


def _check(exhibit: Exhibit, path: Path) -> None:
    def need(right: bool, complaint: str) -> None:
        if not right:
            raise ExhibitError(f"{path}: {complaint}")

    need(exhibit.origin in ORIGINS, f"origin {exhibit.origin!r} is none of {', '.join(ORIGINS)}")
    need(bool(exhibit.kinds), "kinds is empty")
    need(set(exhibit.kinds) <= set(FAILURE_KINDS), f"kinds {exhibit.kinds} are not all kinds of failure")
    need(not exhibit.stage or exhibit.stage in STAGES, f"stage {exhibit.stage!r} is no stage")
    need(bool(exhibit.efforts) and set(exhibit.efforts) <= set(EFFORTS), f"efforts {exhibit.efforts} are no efforts")
    need(all(1 <= number <= LISTED for number in exhibit.exploits), f"exploits go from 1 to {LISTED}")
    need(exhibit.origin != "listed" or bool(exhibit.exploits), "a listed exploit has a number")
    need(exhibit.runs >= 1, "runs is at least 1")
    need(exhibit.needs in ("", "pages"), f"needs {exhibit.needs!r} is not known")
    need(exhibit.got_through == bool(exhibit.fix), "what got through has a fix, and nothing else has one")
    where = exhibit.problem_path
    exists = where.is_file() if isinstance(where, Path) else where in catalog_names()
    need(exists, f"problem {exhibit.problem!r} is neither in the catalog nor a file beside it or in {PROBLEMS}")


def load_problems(exhibits: list[Exhibit]) -> dict[str, Problem]:
    """The problems of these exhibits by the name they call them."""
    return {exhibit.problem: load_problem(exhibit.problem_path) for exhibit in exhibits}
