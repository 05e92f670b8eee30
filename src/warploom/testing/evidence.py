"""Evidence without a run: a problem file and a kernel become what a promotion would have written.

An operator to make it of is here too: its arguments must not be mixed up, two of them have one type, and their names
do not sort as they are called.

For tests of what reads evidence. The document is made by the same function as a run's; its numbers are made up.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from warploom.archive.journal import Journal
from warploom.problems.native import detach
from warploom.search.best.evidence import FILE, evidence, resolved_sources
from warploom.values.candidate import Candidate, Lineage, Proposal
from warploom.values.event import Promoted, RunStarted
from warploom.values.outcome import Build, Check, Mint, Passed, Timing, Verdict
from warploom.values.problem import Problem, Tensor, Workload, describe

SHA256 = "5" * 64
HARDWARE: Mapping[str, Any] = {"hardware": {"cpu": "made up", "cores": 2}, "reference": {"torch": "2.6"}}


PICK_SCALE = '''"""Rows scaled, and one element of each."""

import torch

from warploom import Problem, Tensor, Workload

FACTOR = 2.0  # a constant of the reference


def picked(x, pick):
    return x.gather(1, pick[:, None])[:, 0]
"""Right, and nothing more."""


def pick_scale(x, pick, gain):
    return torch.sub(x * FACTOR, gain), picked(x, pick)


SHAPES = [Workload(rows=8, cols=32), Workload(rows=16, cols=64)]

problem = Problem(
    name="pick_scale",
    title="rows scaled, and one element of each",
    axes=("rows", "cols"),
    inputs={"x": Tensor("rows cols"), "pick": Tensor("rows", "int64", low=0, high="cols"), "gain": Tensor("cols")},
    outputs={"scaled": Tensor("rows cols"), "chosen": Tensor("rows")},
    reference=pick_scale,
    workloads=SHAPES,
    held_out=[Workload(rows=3, cols=7), Workload(rows=3, cols=7, recipe="wide")],
)
'''

PICK_SCALE_KERNEL = """#include <cstdint>

extern "C" void pick_scale(const float* x, const int64_t* pick, const float* gain, float* scaled, float* chosen,
                           int64_t rows, int64_t cols) {
#pragma omp parallel for
    for (int64_t i = 0; i < rows; ++i) {
        for (int64_t j = 0; j < cols; ++j) {
            scaled[i * cols + j] = x[i * cols + j] * 2.0f - gain[j];
        }
        chosen[i] = x[i * cols + pick[i]];
    }
}
"""


def pick_scale(x: Any, pick: Any, gain: Any) -> Any:
    """Stands for the function of the text."""


def pick_scale_problem(**changes: Any) -> Problem:
    """What :data:`PICK_SCALE` defines, with other fields where given."""
    fields: dict[str, Any] = {
        "name": "pick_scale",
        "title": "rows scaled, and one element of each",
        "axes": ("rows", "cols"),
        "inputs": {
            "x": Tensor("rows cols"),
            "pick": Tensor("rows", "int64", low=0, high="cols"),
            "gain": Tensor("cols"),
        },
        "outputs": {"scaled": Tensor("rows cols"), "chosen": Tensor("rows")},
        "reference": pick_scale,
        "workloads": [Workload(rows=8, cols=32), Workload(rows=16, cols=64)],
        "held_out": [Workload(rows=3, cols=7), Workload(rows=3, cols=7, recipe="wide")],
    }
    return Problem(**(fields | changes))


@dataclass(frozen=True)
class _Journal:
    """As much of a journal as evidence asks for."""

    started: RunStarted
    proposals: Mapping[str, Proposal] = field(default_factory=dict)

    def proposal(self, candidate: str) -> Proposal:
        return self.proposals[candidate]


def write_evidence(
    folder: Path,
    problem: Problem,
    text: str,
    source: str,
    *,
    speedups: Mapping[str, Sequence[float]] | None = None,
    lineage: Lineage | None = None,
    ancestors: Sequence[Proposal] = (),
    flags: tuple[str, ...] = (),
) -> Path:
    """Write ``problem.py``, ``kernel.cpp`` and ``evidence.json`` into a new folder; returns the folder.

    Args:
        folder: is made.
        problem: what the text would define; its reference counts for its name only.
        text: of the problem file.
        source: of the kernel.
        speedups: baseline → speedup on each workload; 2 over eager by default. Samples vary by 1 %.
        lineage: of the kernel.
        ancestors: proposals that the lineage's parents name.
        flags: of its build.
    """
    folder.mkdir(parents=True)
    path = folder / "problem.py"
    path.write_text(text, encoding="utf-8")
    problem = detach(problem, path, text)
    candidate = Candidate(problem.hash, "cpp", ((f"{problem.name}.cpp", source),), problem.name, build_flags=flags)
    proposal = Proposal(candidate, lineage or Lineage())
    started = RunStarted({}, json.loads(json.dumps(describe(problem), sort_keys=True)), HARDWARE, "0")
    evaluation = made_passed(candidate, problem, speedups or {"eager": [2.0] * len(problem.workloads)})
    journal = cast(Journal, _Journal(started, {one.candidate.id: one for one in ancestors}))
    document = evidence(journal, proposal, evaluation, Promoted(candidate.id, 0.7, 0.01, {}, 0.5), HARDWARE)
    for name, content in resolved_sources(candidate):
        (folder / name).write_text(content, encoding="utf-8")
    # As the journal keeps it, a mapping has lost its order.
    (folder / FILE).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return folder


def made_passed(candidate: Candidate, problem: Problem, speedups: Mapping[str, Sequence[float]]) -> Passed:
    """An evaluation that counts.

    Args:
        candidate: of the problem.
        problem: whose hash the candidate has.
        speedups: as in :func:`write_evidence`.
    """
    return Passed(
        Build("kernel.so", SHA256, "g++ 12.2.0", ("g++",), "", 0),
        Verdict((Check(str(problem.workloads[0]), 1, 0.0, 0.0, -1),)),
        tuple(
            _timing(problem, number, baseline, ratio)
            for baseline, ratios in speedups.items()
            for number, ratio in enumerate(ratios)
        ),
        {"noise_floor": 0.01},
        mint=Mint(candidate.id, SHA256, candidate.problem, "made", "up"),
    )


def _timing(problem: Problem, number: int, baseline: str, ratio: float) -> Timing:
    """Twenty pairs around the ratio."""
    own = tuple(1e6 * (1 + 0.01 * (pair % 3 - 1)) for pair in range(20))
    return Timing(problem.workloads[number], baseline, own, tuple(ratio * 1e6 for _ in own))
