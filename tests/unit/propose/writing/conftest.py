from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from warploom.propose.writer import Writer
from warploom.propose.writing.material import Attempt, Material
from warploom.testing.minds import Notebook, Script, ScriptedMind
from warploom.values.behaviour import Resolution
from warploom.values.candidate import Candidate, Lineage, Proposal, Step
from warploom.values.outcome import Build, Check, Evaluation, Failed, Passed, Timing, Verdict
from warploom.values.problem import Problem, Reference, Tensor, Workload
from warploom.values.request import Feedback, Individual, Request

PROBLEM_FILE = '''
"""Held out: rows=41, cols=1031."""

import math

import torch

from warploom.values.problem import Problem, Tensor, Workload

FACTOR = 3.0
SECRET = Workload(rows=41, cols=1031)


def scaled(x):
    return FACTOR * x


def tripled(x, weight):
    return scaled(x) + weight


problem = Problem(name="tripled", reference=tripled, held_out=[Workload(rows=41, cols=1031)])
'''

HEAD = "#include <cstdint>\n\n// EVOLVE-BLOCK-START\n"
BODY = """extern "C" void tripled(const float* x, const float* weight, float* out, int64_t rows, int64_t cols) {
    for (int64_t i = 0; i < rows; ++i) {
        for (int64_t j = 0; j < cols; ++j) {
            out[i * cols + j] = 3.0f * x[i * cols + j] + weight[j];
        }
    }
}
"""
TAIL = "// EVOLVE-BLOCK-END\n"
SEED = HEAD + BODY + TAIL

STEPS = (Step("parallel", "k:i", (("chunk", 8),)), Step("simd", "k:j"))

ENVIRONMENT: dict[str, Any] = {
    "toolchain": "g++ 12.2.0",
    "hardware": {
        "cpu": "Fastmaker 9000 (family 26 model 2) avx512f",
        "cores": 6,
        "caches_bytes": {"L1": 49152, "L2": 1 << 20},
        "key": "0123456789ab",
    },
    "roofline": {"bytes_per_ns": {"65536": 310.0, "67108864": 37.5}, "operations_per_ns": 236.0, "margin": 0.8},
    "sandbox": {"jail": "bubblewrap", "gaps": ["a gap"]},
}


def passed(problem: Problem, candidate: Candidate, times: float = 1.0, **facts: int) -> Passed:
    """Twice as fast as eager and 1.25 times as fast as compile, times a factor."""
    timings = [
        Timing(workload, name, (1e5 / times,) * 6, (over * 1e5,) * 6)
        for workload in problem.workloads
        for name, over in (("eager", 2.0), ("compile", 1.25))
    ]
    check = Check("rows=41,cols=1031:spikes", 7777777, 0.0, 0.1, 3, held_out=True)
    return Passed(Build("k.so", "ab", "g++", (), "", 0, facts), Verdict((check,)), tuple(timings))


@dataclass
class Desk:
    """A small problem, kernels of it, and what a writer needs."""

    problem: Problem
    notebook: Notebook
    resolution: Resolution

    def candidate(self, body: str = BODY, **parameters: int) -> Candidate:
        source = HEAD + body + TAIL
        values = tuple(sorted(parameters.items()))
        return Candidate(self.problem.hash, "cpp", (("tripled.cpp", source),), "tripled", values)

    def individual(
        self, body: str = BODY, fitness: float = 0.7, cell: tuple[int, ...] = (0, 0, 0), **lineage: Any
    ) -> Individual:
        made = Individual(self.candidate(body), Lineage(**lineage), fitness, cell)
        self.notebook.evaluations.setdefault(made.candidate.id, passed(self.problem, made.candidate))
        self.notebook.proposals[made.candidate.id] = Proposal(made.candidate, made.lineage)
        return made

    def request(self, operator: str = "improve", number: int = 1, **fields: Any) -> Request:
        whole = {"parents": (self.individual(),), "inspirations": (), "target_cell": None, "island": 0, "seed": number}
        return Request(number, operator, **(whole | fields))

    def writer(self, script: Script = (), **options: Any) -> tuple[Writer, ScriptedMind]:
        mind = ScriptedMind(script, self.notebook)
        return Writer(self.problem, mind, self.notebook, self.resolution, **options), mind

    def feedback(
        self, request: Request, proposal: Proposal, evaluation: Evaluation | None = None, fitness: float = 1.0
    ) -> Feedback:
        outcome = evaluation or passed(self.problem, proposal.candidate)
        self.notebook.evaluations[proposal.candidate.id] = outcome
        self.notebook.proposals[proposal.candidate.id] = proposal
        failed = isinstance(outcome, Failed)
        before = request.parents[0].fitness if request.parents else None
        status = "failed" if failed else "not_added"
        return Feedback(request, proposal, outcome, None if failed else fitness, before, 0.9, status, 1.0)

    def material(self, **fields: Any) -> Material:
        """Material with something for every ingredient."""
        base, partner = self.candidate(), self.individual(BODY.replace("3.0f", "(3.0f)"), 0.9, (1, 1, 2))
        third = self.individual(BODY.replace("3.0f", "+3.0f"), 0.8, (2, 1, 0), note="a third way")
        whole = Material(
            task=self.problem,
            environment=ENVIRONMENT,
            resolution=self.resolution,
            operator="improve",
            base=base,
            lineage=Lineage(("p",), "moves", "grow:vectorise", "r", STEPS, "vectorise the inner loop"),
            evaluation=passed(self.problem, base, instructions=321, missed_loops=2),
            fitness=0.7,
            cell=(0, 0, 0),
            partner=partner,
            inspirations=(partner, third),
            attempts=(Attempt("improve: prefetch it", "1.01 times as fast"),),
            elsewhere=(Attempt("explore: a ring of buffers", "0.97 times as fast"),),
            target_cell=(3, 0, 2),
            hints=("mind the denormals",),
        )
        return replace(whole, **fields)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    path = tmp_path / "tripled.py"
    path.write_text(PROBLEM_FILE)
    problem = Problem(
        name="tripled",
        title="three times x, and a weight",
        axes=("rows", "cols"),
        inputs={"x": Tensor("rows cols"), "weight": Tensor("cols")},
        outputs={"out": Tensor("rows cols")},
        reference=Reference(str(path), "tripled", hashlib.sha256(PROBLEM_FILE.encode()).hexdigest()),
        workloads=[Workload(rows=2048, cols=4096)],
        held_out=[Workload(rows=41, cols=1031, recipe="spikes")],
        operations="2*rows*cols",
    )
    return Desk(problem, Notebook(ENVIRONMENT), Resolution((4, 4, 4)))
