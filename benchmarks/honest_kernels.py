"""Honest kernels of a problem, in the judge's sandbox: the seed built in several ways, and what moves make of it."""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from warploom.errors import NothingToPropose
from warploom.judge.content.calls import arguments
from warploom.judge.content.layout import input_layout, output_layout, view
from warploom.problems.load import find_seed, load_problem
from warploom.propose.bandit import Bandit
from warploom.propose.moves.cpp.book import COMPOSITES, MOVE_PRIORS, MOVES
from warploom.propose.mutate import Mutations
from warploom.propose.recipe import Cookbook, materialise
from warploom.sandbox.buffers import SharedBuffer
from warploom.sandbox.candidate_process import Call, CandidateProcess, WorkerFailed
from warploom.sandbox.jail import find_jail
from warploom.sandbox.limits import Limits
from warploom.toolchain.cpp import CppToolchain
from warploom.values.candidate import Candidate
from warploom.values.outcome import Build
from warploom.values.problem import Problem, Workload
from warploom.values.signature import signature

PLAIN: dict[str, tuple[str, ...]] = {
    "one after another": ("-O2", "-ffp-contract=off"),
    "with fused multiply-add": ("-O2",),
    "in vector lanes": ("-fassociative-math", "-fno-signed-zeros", "-fno-trapping-math", "-fno-math-errno"),
}
"""How the seed is built: name → flags."""

CALL_SECONDS = 300.0


class Stand:
    """Memory for one call, the same for every kernel that makes it.

    Args:
        problem: what is computed.
        workload: of the call.
        tensors: its inputs.
    """

    def __init__(self, problem: Problem, workload: Workload, tensors: Sequence[torch.Tensor]) -> None:
        self.workload = workload
        inputs, outputs = input_layout(problem, workload), output_layout(problem, workload)
        self._given, self._taken = SharedBuffer(inputs.size_bytes), SharedBuffer(outputs.size_bytes)
        (self._region,) = outputs.regions
        for region, tensor in zip(inputs.regions, tensors, strict=True):
            view(self._given, region)[:] = tensor.contiguous().reshape(-1).numpy()
        offsets = [region.offset for region in inputs.regions]
        self.call = Call(self._given, self._taken, arguments(offsets, [self._region.offset], problem, workload))

    @property
    def answer(self) -> torch.Tensor:
        """The output, not copied."""
        return torch.from_numpy(view(self._taken, self._region)).view(self._region.shape)

    def forget(self) -> None:
        """NaN everywhere, so that what is not written shows."""
        self.answer.fill_(math.nan)

    def close(self) -> None:
        """Give the memory back."""
        self._given.close()
        self._taken.close()


class Kernel:
    """An honest kernel in the judge's sandbox; what fails there does not count as honest, and is told.

    Args:
        title: for people.
        build: its artifact.
        problem: what it computes.
    """

    def __init__(self, title: str, build: Build, problem: Problem) -> None:
        self.title, self._build, self._problem = title, build, problem
        self.failed = ""
        self._process: CandidateProcess | None = None
        try:
            limits = Limits(start_seconds=60.0, cpu_seconds=24 * 3600)
            self._process = CandidateProcess(Path(build.artifact), problem.name, find_jail(), limits)
        except WorkerFailed as error:
            self.failed = f"{error.kind} at the start: {error.message}"

    def __call__(self, stand: Stand) -> torch.Tensor | None:
        """The output, in the stand's memory until its next call; None once it failed."""
        if self.failed or self._process is None:
            return None
        try:
            stand.forget()
            self._process.stage([stand.call])
            self._process.run(CALL_SECONDS)
        except WorkerFailed as error:
            self.failed = f"{error.kind} at {stand.workload}: {error.message}"
            return None
        return stand.answer

    def close(self) -> None:
        """End its process."""
        if self._process is not None:
            self._process.close()


def kernels(name: str, cache: Path) -> list[Kernel]:
    """Honest kernels in C++: the seed's builds, then what the moves make of it; each machine code once."""
    problem = load_problem(name)
    toolchain = CppToolchain()
    found: dict[str, Kernel] = {}
    for title, candidate in candidates(problem, find_seed(name).read_text()):
        build = toolchain.build(candidate, signature(problem), cache)
        if not isinstance(build, Build):
            print(f"  {name}, {title}: not built: {build.message}", file=sys.stderr)
        elif build.sha256 not in found:
            found[build.sha256] = Kernel(title, build, problem)
    return list(found.values())


def candidates(problem: Problem, source: str) -> Iterator[tuple[str, Candidate]]:
    def candidate(flags: tuple[str, ...]) -> Candidate:
        return Candidate(problem.hash, "cpp", (("kernel.cpp", source),), problem.name, build_flags=flags)

    for title, flags in PLAIN.items():
        yield f"seed, {title}", candidate(flags)
    cookbook = Cookbook(MOVES)
    mutations = Mutations(cookbook, Bandit(MOVE_PRIORS, learning=False))
    root = candidate(())
    for composite in COMPOSITES:
        try:
            steps = mutations.compose(root, (), composite, random.Random(0), default_share=1.0).steps
        except NothingToPropose:
            continue
        yield f"moves, {composite.name}", materialise(root, cookbook.replay(root, steps))
