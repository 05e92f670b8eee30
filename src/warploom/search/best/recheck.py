"""A claimed kernel judged again from scratch, on the machine of whoever reads the claim."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warploom.errors import ProblemError
from warploom.judge.protocol import Judge
from warploom.problems.load import is_shipped, load_problem
from warploom.problems.native import read, text_hash
from warploom.search.best.evidence import Evidence
from warploom.values.job import Job
from warploom.values.mint import counted
from warploom.values.outcome import Evaluation, Passed
from warploom.values.problem import Problem
from warploom.values.speedup import Speedup, speedup
from warploom.values.standing import Standing, standing

COMPARED: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("processor", ("hardware", "cpu")),
    ("cores", ("hardware", "cores")),
    ("compiler", ("toolchain",)),
    ("torch", ("reference", "torch")),
    ("torch threads", ("reference", "threads")),
    ("vector instructions of torch", ("reference", "capability")),
    ("sandbox", ("sandbox", "jail")),
)
"""What is compared between the machines: name → where it stands in the judge's description of itself."""


@dataclass(frozen=True)
class Difference:
    """Something that is not the same there and here."""

    name: str
    there: str
    here: str


@dataclass(frozen=True)
class Recheck:
    """What became of a claim.

    Attributes:
        evidence: that was read.
        evaluation: of the kernel, here, with new secret seeds.
        standing: whether the claim holds here.
        differences: between the machine of the claim and this one.
        noise_floor: that the two were compared with.
    """

    evidence: Evidence
    evaluation: Evaluation
    standing: Standing
    differences: tuple[Difference, ...]
    noise_floor: float

    @property
    def here(self) -> Speedup | None:
        """The speedup over eager here; None when the kernel failed."""
        return speedup(self.evaluation.timings) if isinstance(self.evaluation, Passed) else None


def claimed_problem(evidence: Evidence, word: str = "") -> Problem:
    """The problem that a claim is about.

    Running a problem file is running a program, so that the text in the evidence is never run by itself: only a
    problem of the catalog, a file that is here with that very text, or what the reader names.

    Args:
        evidence: whose problem.
        word: a catalog name or the path of a problem file; "" to find it.

    Raises:
        ProblemError: it is not here, or it is not the one of the claim.
    """
    stated = evidence.document["problem"]
    word = word or _find(evidence)
    problem = load_problem(word)
    if problem.hash != stated["hash"]:
        raise ProblemError(
            f"problem {word} has hash {problem.hash} here, the claim was made for {stated['hash']}: it is another "
            f"problem, or another version of it; {_advice(evidence)}"
        )
    return problem


def recheck(evidence: Evidence, judge: Judge, description: Mapping[str, Any]) -> Recheck:
    """Judge the kernel as a record is judged: fresh process, new secret seeds, every baseline.

    Args:
        evidence: of the kernel.
        judge: of this machine, for the problem of the claim.
        description: what that judge says of itself.
    """
    candidate = evidence.candidate
    job = Job(candidate, candidate.problem, "promote")
    evaluation = counted(job, judge.evaluate(job))
    here = speedup(evaluation.timings) if isinstance(evaluation, Passed) else None
    floors = (evidence.document["claim"].get("noise_floor"), evaluation.environment.get("noise_floor"))
    floor = max((float(one) for one in floors if isinstance(one, int | float)), default=0.0)
    there = evidence.document.get("environment", {})
    return Recheck(
        evidence, evaluation, standing(evidence.claimed, here, floor), differences(there, description), floor
    )


def differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> tuple[Difference, ...]:
    """What of :data:`COMPARED` is not the same; what one side does not state is "unknown"."""
    found = []
    for name, place in COMPARED:
        one, other = _at(there, place), _at(here, place)
        if one != other:
            found.append(Difference(name, one, other))
    return tuple(found)


def _at(description: Any, place: tuple[str, ...]) -> str:
    for name in place:
        description = description.get(name) if isinstance(description, Mapping) else None
    return "unknown" if description is None else str(description)


def _find(evidence: Evidence) -> str:
    stated = evidence.document["problem"]
    if is_shipped(stated["name"]):
        return str(stated["name"])
    path = Path(stated["reference"]["path"])
    try:
        if text_hash(read(path)) == stated["reference"]["sha256"]:
            return str(path)
    except ProblemError:
        pass
    raise ProblemError(f"problem {stated['name']} is neither in the catalog nor at {path}; {_advice(evidence)}")


def _advice(evidence: Evidence) -> str:
    stated = evidence.document["problem"]
    file, modules = stated.get("file"), stated.get("reference", {}).get("modules", {})
    takes = f"; it takes from modules that must be as they were: {', '.join(modules)}" if modules else ""
    if not file:
        return f"give the problem file of the claim with --problem FILE{takes}"
    return (
        f"its text is in {evidence.path} under problem.file.text: read it, save it as {file['name']}, and give it with "
        f"--problem {file['name']}{takes}"
    )
