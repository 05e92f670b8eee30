"""What became of a candidate.

``Evaluation = Passed | Failed``. A failure has no score, so none can be averaged in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from warploom.values.problem import Workload
from warploom.values.score import Score


@dataclass(frozen=True)
class Build:
    """The artifact and the static facts that the toolchain read off it.

    Attributes:
        artifact: path of the shared object or module.
        sha256: hash of the artifact's bytes.
        toolchain: "g++ 12.2.0", …
        command: the compiler's arguments, without machine-specific directories.
        log: diagnostics of the compiler, tail.
        elapsed_ns: time of the build; 0 when it came from the cache.
        facts: numbers the toolchain knows: vectorised_loops, missed_loops, spill_bytes, registers, shared_bytes, …
    """

    artifact: str
    sha256: str
    toolchain: str
    command: tuple[str, ...]
    log: str
    elapsed_ns: int
    facts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Mint:
    """The hashes of everything that a passed evaluation was made from. Judge code alone makes one.

    Attributes:
        candidate: :attr:`warploom.values.candidate.Candidate.id`, the hash of sources, parameters and flags.
        artifact: sha256 of the bytes that were loaded.
        problem: :attr:`warploom.values.problem.Problem.hash`.
        baseline: hash of what was timed beside it: PyTorch, its settings, the baselines and theirs.
        judge: version and hash of the code that judged.
    """

    candidate: str
    artifact: str
    problem: str
    baseline: str
    judge: str


@dataclass(frozen=True)
class Check:
    """One verified call.

    Attributes:
        workload: as printed by ``str(Workload)``; held-out ones are included here, never in a prompt.
        seed: the secret seed the inputs were drawn from, revealed after the fact.
        max_abs_error: largest absolute error against the float64 oracle.
        max_rel_error: largest error in units of the tolerance: at most 1 when the check passed.
        worst_index: flat index of the worst element, -1 when there is none.
        guard: which guard spoke, "" when the check passed.
        held_out: whether the workload is a held-out one.
    """

    workload: str
    seed: int
    max_abs_error: float
    max_rel_error: float
    worst_index: int
    guard: str = ""
    held_out: bool = False


@dataclass(frozen=True)
class Verdict:
    """All checks of a candidate."""

    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether there was a check and no guard spoke."""
        return bool(self.checks) and not any(check.guard for check in self.checks)


@dataclass(frozen=True)
class Timing:
    """Raw paired samples of one workload against one baseline.

    ``samples_ns[i]`` and ``reference_samples_ns[i]`` were taken right after one another, in random order.
    Each is the time of one call: a block of ``calls`` calls divided by ``calls``.

    Attributes:
        workload: the timed shape.
        baseline: "eager", "compile", or another recorded baseline.
        samples_ns: the candidate's times.
        reference_samples_ns: the baseline's times.
        calls: calls in a block, each side its own: (candidate, baseline).
        clock: which clock counted.
        device: what it ran on.
    """

    workload: Workload
    baseline: str
    samples_ns: tuple[float, ...]
    reference_samples_ns: tuple[float, ...]
    calls: tuple[int, int] = (1, 1)
    clock: str = "parent monotonic"
    device: str = "cpu"


STAGES: tuple[str, ...] = ("source", "build", "load", "verify", "time", "judge")
"""Where a candidate can fail. "judge" is the judge's own failure (a reference that died), never the candidate's."""

FAILURE_KINDS: tuple[str, ...] = (
    "rejected",  # a rule that can be read off the text: evolve block, signature, flag
    "compile_error",
    "load_error",
    "crash",
    "timeout",
    "out_of_memory",
    "limit",  # processes, file size, output, CPU time
    "protocol",  # the worker said something no honest worker says
    "wrong_result",
    "not_finite",  # NaN or infinity where the oracle has none, or the other way round
    "unwritten_output",
    "out_of_bounds",
    "input_changed",
    "nondeterministic",
    "too_fast",  # beats the roofline
    "reference",  # the trusted side failed
    "no_score",  # a program that its own evaluator gives no score
)


@dataclass(frozen=True)
class Failed:
    """A candidate that did not make it.

    Attributes:
        stage: one of :data:`STAGES`.
        kind: one of :data:`FAILURE_KINDS`.
        message: one line for people: what, where, and the evidence.
        log_tail: the end of what the compiler or worker printed.
        elapsed_ns: time per stage.
        environment: sandbox, machine and versions.
    """

    stage: str
    kind: str
    message: str
    log_tail: str = ""
    elapsed_ns: Mapping[str, int] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Passed:
    """A verified and timed candidate; or a program that its own evaluator gave a score, which was not timed.

    Attributes:
        build: artifact and static facts.
        verdict: every check.
        timings: raw paired samples, one per workload and baseline.
        environment: sandbox, machine, versions, baselines and their settings, noise floor.
        elapsed_ns: time per stage: build, load, verify, time.
        mint: what it was made from; None never counts, see :mod:`warploom.values.mint`.
        score: what an evaluator that is not the judge says of it; None for a kernel.
    """

    build: Build
    verdict: Verdict
    timings: tuple[Timing, ...]
    environment: Mapping[str, Any] = field(default_factory=dict)
    elapsed_ns: Mapping[str, int] = field(default_factory=dict)
    mint: Mint | None = None
    score: Score | None = None


Evaluation = Passed | Failed
