"""A world without compilers: a problem, a proposer and a judge that cost microseconds and repeat exactly.

The kernels are real C++ in which a row of *genes* decides a made-up speed; some genes also decide how the loop is
written, so that the candidates fill different cells. For tests of archives, strategies, loops and journals, and for
measuring what the search itself costs.
"""

from __future__ import annotations

import hashlib
import math
import random
import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from warploom.errors import NothingToPropose
from warploom.values.candidate import Candidate, Lineage, Proposal, Step
from warploom.values.job import Job
from warploom.values.outcome import Build, Check, Evaluation, Failed, Mint, Passed, Timing, Verdict
from warploom.values.problem import Problem, Reference, Tensor, Workload
from warploom.values.request import Feedback, Request

GENES = 6
LEVELS = 10
_GENES = re.compile(r"genes\[\] = \{([-\d, ]+)\}")


def synthetic_problem() -> Problem:
    """``out = 2 x``; its reference is named, never run."""
    return Problem(
        name="twice",
        axes=("n",),
        inputs={"x": Tensor("n")},
        outputs={"out": Tensor("n")},
        reference=Reference("twice.py", "twice", "0" * 64),
        workloads=[Workload(n=1024)],
    )


def synthetic_candidate(genes: tuple[int, ...] = (0,) * GENES, problem: str | None = None) -> Candidate:
    """The kernel of these genes."""
    threads = "#pragma omp parallel for\n" if genes[0] >= LEVELS // 2 else ""
    simd = "#pragma omp simd\n" if genes[1] >= LEVELS // 2 else ""
    scratch = "  float scratch[64];\n  scratch[0] = 0.0f;\n" if genes[2] >= LEVELS // 2 else ""
    text = (
        "#include <cstdint>\n"
        f"static const int genes[] = {{{', '.join(str(gene) for gene in genes)}}};\n"
        'extern "C" void twice(const float* x, float* out, int64_t n) {\n'
        f"{scratch}{threads}{simd}"
        "  for (int64_t i = 0; i < n; ++i) {\n    out[i] = 2.0f * x[i];\n  }\n}\n"
    )
    return Candidate(problem or synthetic_problem().hash, "cpp", (("twice.cpp", text),), "twice")


def genes_of(candidate: Candidate) -> tuple[int, ...]:
    """The genes written in a kernel."""
    found = _GENES.search(candidate.source)
    assert found is not None, "not a synthetic kernel"
    return tuple(int(word) for word in found.group(1).split(","))


def synthetic_fitness(genes: tuple[int, ...]) -> float:
    """Made-up log speedup: best at a pattern of genes that a greedy walk does not reach in one line."""
    distance = sum(abs(gene - (3 + 2 * index) % LEVELS) for index, gene in enumerate(genes))
    valley = 0.15 * sum(gene in (4, 5) for gene in genes[:2])
    return 1.5 - 0.08 * distance - valley


class SyntheticJudge:
    """Judges by the genes alone, the same each time.

    Args:
        failing: share of the candidates that fail, chosen by their id.
        seconds: how long a judgement seems to take: job → seconds of sleep.
        pairs: paired samples of each timing.
    """

    def __init__(self, failing: float = 0.0, seconds: Callable[[Job], float] | None = None, pairs: int = 5) -> None:
        self._failing = failing
        self._seconds = seconds
        self._pairs = pairs
        self._guard = threading.Lock()
        self.jobs: list[tuple[str, str]] = []

    def evaluate(self, job: Job) -> Evaluation:
        """Passed with made-up samples, or Failed."""
        if self._seconds is not None:
            time.sleep(self._seconds(job))
        with self._guard:
            self.jobs.append((job.candidate.id, job.effort))
        return synthetic_evaluation(job.candidate, self._failing, self._pairs, job.effort)

    def close(self) -> None:
        """Nothing to end."""


BLOCK = (128, 128)
"""Calls in a block: all of them move a MiB."""


def synthetic_evaluation(
    candidate: Candidate, failing: float = 0.0, pairs: int = 5, effort: str = "screen"
) -> Evaluation:
    """What :class:`SyntheticJudge` says of a candidate."""
    draw = int(hashlib.sha256(f"{candidate.id}/{effort}".encode()).hexdigest()[:8], 16)
    genes = genes_of(candidate)
    if any(genes) and int(candidate.id[:8], 16) / 2**32 < failing:
        return Failed("verify", "wrong_result", "made to fail", elapsed_ns={"verify": 1_000_000})
    rng = random.Random(draw)
    own = 1e6 / math.exp(synthetic_fitness(genes))
    samples = tuple(own * math.exp(rng.gauss(0, 0.003)) for _ in range(pairs))
    references = tuple(1e6 * math.exp(rng.gauss(0, 0.003)) for _ in range(pairs))
    baselines = ("eager", "compile") if effort == "promote" else ("eager",)
    workload = Workload(n=1024)
    return Passed(
        build=Build("twice.so", candidate.id, "none", (), "", 0),
        verdict=Verdict((Check("n=1024", draw, 0.0, 0.0, -1),)),
        timings=tuple(Timing(workload, baseline, samples, references, BLOCK) for baseline in baselines),
        environment={"noise_floor": 0.01},
        elapsed_ns={"time": 1_000_000},
        mint=Mint(candidate.id, candidate.id, candidate.problem, "synthetic", "synthetic"),
    )


class SyntheticProposer:
    """Changes one gene, or crosses two parents; remembers how often it was told, as learned state.

    Args:
        declining: share of the requests for which there is nothing to propose.
    """

    def __init__(self, declining: float = 0.0) -> None:
        self._declining = declining
        self.told = 0
        self.paid = 0.0

    @property
    def name(self) -> str:
        """The name lineages carry."""
        return "synthetic"

    async def propose(self, request: Request) -> Proposal:
        """A neighbour of the first parent."""
        rng = random.Random(request.seed)
        if rng.random() < self._declining:
            raise NothingToPropose("declines by chance")
        parent = request.parents[0].candidate
        genes = list(genes_of(parent))
        operator = "change"
        if request.inspirations and rng.random() < 0.3:
            operator = "cross"
            other = genes_of(request.inspirations[0].candidate)
            genes = [rng.choice(pair) for pair in zip(genes, other, strict=True)]
        genes[rng.randrange(GENES)] = rng.randrange(LEVELS)
        candidate = synthetic_candidate(tuple(genes), parent.problem)
        # What was learned has a say, so that a resume without it would go another way.
        step = Step(operator, f"told {self.told}")
        return Proposal(candidate, Lineage((parent.id,), self.name, operator, "", (step,), f"paid {self.paid:.3f}"))

    def tell(self, feedback: Feedback) -> None:
        """Count."""
        self.told += 1
        self.paid += max(0.0, (feedback.fitness or 0.0) - (feedback.parent_fitness or 0.0))

    def declined(self, request: Request) -> None:
        """Not counted."""

    def snapshot(self) -> dict[str, Any]:
        """The counts."""
        return {"told": self.told, "paid": self.paid}

    def restore(self, state: Mapping[str, Any]) -> None:
        """The inverse of :meth:`snapshot`."""
        self.told = state["told"]
        self.paid = state["paid"]
