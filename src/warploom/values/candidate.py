"""A candidate: one implementation, named by the hash of everything that changes its behaviour."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

Scalar = int | float | str


@dataclass(frozen=True)
class Candidate:
    """One implementation of a problem.

    Attributes:
        problem: :attr:`warploom.values.problem.Problem.hash`.
        language: the toolchain's name, "cpp" for instance.
        sources: (file name, text) pairs; the first is the main file.
        entry_point: name of the kernel function.
        parameters: values for the ``TUNE(...)`` lines, overriding their defaults.
        build_flags: compiler flags from the toolchain's whitelist, in order.
    """

    problem: str
    language: str
    sources: tuple[tuple[str, str], ...]
    entry_point: str
    parameters: tuple[tuple[str, Scalar], ...] = ()
    build_flags: tuple[str, ...] = ()

    @cached_property
    def id(self) -> str:
        """Sixteen hex digits; every field is hashed with its length, so no two fields can run together."""
        digest = hashlib.sha256()

        def add(text: str) -> None:
            data = text.encode()
            digest.update(len(data).to_bytes(8, "little"))
            digest.update(data)

        for text in (self.problem, self.language, self.entry_point):
            add(text)
        for group in (self.sources, self.parameters):
            add(str(len(group)))
            for name, value in group:
                add(name)
                add(f"{type(value).__name__}:{value}")
        add(str(len(self.build_flags)))
        for flag in self.build_flags:
            add(flag)
        return digest.hexdigest()[:16]

    @property
    def source(self) -> str:
        """Text of the main file."""
        return self.sources[0][1]


@dataclass(frozen=True)
class Step:
    """One move of a recipe: which rewrite, at which site, with which parameters.

    A candidate made by moves remembers the root source and the steps that lead from it, so that a
    step can be undone, changed, re-ordered or combined with another candidate's steps.
    """

    move: str
    site: str
    parameters: tuple[tuple[str, Scalar], ...] = ()

    def __str__(self) -> str:
        inside = ", ".join([self.site, *(f"{name}={value}" for name, value in self.parameters)])
        return f"{self.move}({inside})"


@dataclass(frozen=True)
class Lineage:
    """Where a candidate came from.

    Attributes:
        parents: candidate ids; empty for a seed.
        proposer: "seed", "moves", "tune", "crossover", "llm:<model>", "agent", …
        operator: what the proposer was asked to do: "grow", "undo", "change", "improve", …
        root: id of the candidate whose source the steps start from; "" when there are no steps.
        steps: the recipe that leads from the root's source to this candidate's.
        note: one line for people.
        prompt: id of the recorded prompt, "" where there was none.
        tokens: tokens paid for this proposal.
        cost_usd: dollars paid for this proposal.
    """

    parents: tuple[str, ...] = ()
    proposer: str = "seed"
    operator: str = ""
    root: str = ""
    steps: tuple[Step, ...] = ()
    note: str = ""
    prompt: str = ""
    tokens: int = 0
    cost_usd: float = 0.0


@dataclass(frozen=True)
class Proposal:
    """A candidate and where it came from: what a proposer returns."""

    candidate: Candidate
    lineage: Lineage
