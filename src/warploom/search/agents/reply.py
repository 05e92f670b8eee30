"""What an outside agent is told: the request that it is to answer, and what came of its answer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

from warploom.propose.writing.about_failure import KINDS, evidence
from warploom.values.event import Evaluated, NotPromoted, Promoted
from warploom.values.exchange import Message
from warploom.values.measure import SCORE, SPEEDUP, Measure
from warploom.values.outcome import Evaluation, Failed, Passed
from warploom.values.score import Score
from warploom.values.speedup import Speedup, over_workloads, workload_speedup

DRAFT = "draft"
"""Status of a kernel that was judged and not told."""

LOG_CHARACTERS = 4000
"""Of a compiler's messages: the end is what matters."""


@dataclass(frozen=True)
class Assignment:
    """A request handed to an agent.

    Attributes:
        id: number of the request; the answer is told under it.
        operator: what is asked for: "improve", "rewrite", "repair", …
        messages: the prompt as a conversation.
        parent: id of the candidate to start from.
        parent_speedup: its speedup over eager; None for a program.
        parent_score: the score of a program; None for a kernel.
    """

    id: int
    operator: str
    messages: tuple[Message, ...]
    parent: str
    parent_speedup: float | None
    parent_score: float | None = None

    @property
    def prompt(self) -> str:
        """The prompt as one text."""
        return "\n\n".join(message.text.strip("\n") for message in self.messages) + "\n"

    def to_object(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "id": self.id,
            "operator": self.operator,
            "parent": self.parent,
            **reached("parent", self.parent_speedup, self.parent_score),
            "prompt": self.prompt,
        }


@dataclass(frozen=True)
class Reply:
    """What came of an answer. A held-out shape is neither named nor shown.

    Attributes:
        candidate: its id.
        status: "failed", "not_added", "improved" (replaced an elite), "new" (filled an empty cell) or "draft".
        passed: whether it is a correct kernel.
        message: why it failed, "" when it passed.
        stage: where it failed.
        kind: how it failed.
        log: what the compiler said, when the build failed.
        speedup: baseline → speedup over it.
        workloads: timed shape → speedup over eager.
        call_ms: timed shape → milliseconds of a call, and of eager beside it.
        advice: what to do next, one line.
        request: number of the request; −1 for a draft.
        score: of a program, what its evaluator says; None for a kernel.
        parent_speedup: what the parent reached over eager, as it was measured then.
        parent_score: likewise the score of a program.
        verdict: what came of measuring it again in a fresh process; "" when it was not.
        promoted: whether it is the run's best now.
        best_speedup: what the run's best reached over eager when it was measured again; None before there is one.
        best_score: likewise the score of a program.
        again: whether this was told before.
    """

    candidate: str
    status: str
    passed: bool
    message: str = ""
    stage: str = ""
    kind: str = ""
    log: str = ""
    speedup: Mapping[str, Speedup] = field(default_factory=dict)
    workloads: Mapping[str, Speedup] = field(default_factory=dict)
    call_ms: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    advice: str = ""
    request: int = -1
    score: Score | None = None
    parent_speedup: float | None = None
    parent_score: float | None = None
    verdict: str = ""
    promoted: bool = False
    best_speedup: float | None = None
    best_score: float | None = None
    again: bool = False

    def to_object(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "request": self.request if self.request >= 0 else None,
            "candidate": self.candidate,
            "status": self.status,
            "passed": self.passed,
            "stage": self.stage,
            "kind": self.kind,
            "message": self.message,
            "log": self.log,
            "speedup": {name: _ends(value) for name, value in self.speedup.items()},
            "workloads": {
                name: {**_ends(value), "ms": _digits(own), "eager_ms": _digits(eager)}
                for name, value in self.workloads.items()
                for own, eager in [self.call_ms.get(name, (math.nan, math.nan))]
            },
            **({} if self.score is None else score_values(self.score)),
            **reached("parent", self.parent_speedup, self.parent_score),
            "promoted": self.promoted,
            "verdict": self.verdict,
            **reached("best", self.best_speedup, self.best_score),
            "advice": self.advice,
            "again": self.again,
        }


def draft_reply(candidate: str, evaluation: Evaluation) -> Reply:
    """What is said of a draft."""
    if isinstance(evaluation, Failed):
        return Reply(
            candidate,
            DRAFT,
            passed=False,
            message=evidence(evaluation),
            stage=evaluation.stage,
            kind=evaluation.kind,
            # What a kernel prints may be the shapes it was called with, held-out ones too.
            log=evaluation.log_tail.strip()[-LOG_CHARACTERS:] if evaluation.stage == "build" else "",
            advice=ADVICE.get(evaluation.kind, KINDS.get(evaluation.kind, "")),
        )
    if evaluation.score is not None:
        return Reply(candidate, DRAFT, passed=True, score=evaluation.score, advice=TELL_SCORE)
    shown, workloads = _speedups(evaluation)
    return Reply(
        candidate,
        DRAFT,
        passed=True,
        speedup=shown,
        workloads=workloads,
        call_ms={
            str(one.workload): (median(one.samples_ns) / 1e6, median(one.reference_samples_ns) / 1e6)
            for one in evaluation.timings
            if one.baseline == "eager"
        },
        advice="tell it, or make it faster",
    )


def told_reply(
    event: Evaluated,
    evaluation: Evaluation,
    parent_fitness: float | None,
    best: Promoted | None,
    verdict: Promoted | NotPromoted | None = None,
    measure: Measure = SPEEDUP,
) -> Reply:
    """What is said of an answer that was judged.

    Args:
        event: what the journal says of it.
        evaluation: its outcome, whole.
        parent_fitness: of the parent.
        best: the run's best now.
        verdict: what came of measuring it again, when it was.
        measure: what fitness is called.
    """
    promoted = best is not None and best.candidate == event.candidate
    reply = draft_reply(event.candidate, evaluation)
    advice = reply.advice
    if reply.passed:
        kept_out = NOT_KEPT if measure is SPEEDUP else NOT_HIGHER
        advice = BEST if promoted else KEPT if event.status in ("improved", "new") else kept_out
    refused = f"not the best: {verdict.reason}" if isinstance(verdict, NotPromoted) else ""
    return replace(
        reply,
        status=event.status,
        advice=advice,
        request=event.number,
        parent_speedup=math.exp(parent_fitness) if parent_fitness is not None and measure is SPEEDUP else None,
        parent_score=SCORE.value(parent_fitness) if parent_fitness is not None and measure is SCORE else None,
        verdict="measured again: the best of the run" if promoted else refused,
        promoted=promoted,
        best_speedup=best.speedup["eager"][0] if best and measure is SPEEDUP else None,
        best_score=SCORE.value(best.fitness) if best and measure is SCORE else None,
    )


ADVICE: dict[str, str] = {
    "rejected": "keep the signature and the borders of the evolve block; nothing but the kernel may be changed",
    "compile_error": "mend the first error of the log",
    "load_error": 'define the entry point as extern "C" under its own name',
    "crash": "every index must hold for every size: 1, odd sizes, sizes below a vector or a tile",
    "timeout": "look for a loop that does not end, or far more work than the reference does",
    "wrong_result": (
        "check the remainder of each blocked loop and sizes below a tile, how sums are kept, and differences of nearly "
        "equal numbers"
    ),
    "not_finite": "check the largest and smallest inputs: subtract a maximum before exp, and mind 0/0",
    "unwritten_output": "write every element of every output in every call",
    "out_of_bounds": "check the remainder of each blocked loop: a whole vector does not fit there",
    "input_changed": "work in memory of your own; inputs are read only",
    "nondeterministic": "look for a data race: threads that add to, or write, the same element",
    "too_fast": "every call must do all of its work, on the inputs of that call",
    "no_score": "mend what the evaluator stumbled over; keep the names that it calls",
}
"""Kind of failure → what to do."""

BEST = "it is the best so far; ask again: the search chooses what comes next"
KEPT = "it has a place in the archive; ask again to go on from it or from another"
NOT_HIGHER = "the archive holds a program of its kind with a higher score: ask again, and try another way"
TELL_SCORE = "tell it, or find a higher score"
NOT_KEPT = "it is correct, but the archive holds a faster one of its kind: ask again, and try another way"


def _speedups(evaluation: Passed) -> tuple[dict[str, Speedup], dict[str, Speedup]]:
    timings = evaluation.timings
    found = {one.baseline: over_workloads(timings, one.baseline) for one in timings}
    shown = {baseline: value.geomean for baseline, value in found.items() if value is not None}
    return shown, {str(one.workload): workload_speedup(one) for one in timings if one.baseline == "eager"}


def reached(whose: str, speedup: float | None, score: float | None) -> dict[str, float | None]:
    """What somebody reached, under the name of what it is: "parent_speedup" or "parent_score"."""
    if score is not None:
        return {f"{whose}_{SCORE.name}": _digits(score)}
    return {f"{whose}_{SPEEDUP.name}": _digits(speedup)}


def score_values(score: Score) -> dict[str, Any]:
    """A score and what was said beside it, as JSON values."""
    return {
        "score": score.value,
        "metrics": dict(score.metrics),
        "artifacts": {name: text[-LOG_CHARACTERS:] for name, text in score.artifacts.items()},
        "stopped": score.stopped,
    }


def _ends(value: Speedup) -> dict[str, float | None]:
    return {"median": _digits(value.median), "low": _digits(value.low), "high": _digits(value.high)}


def _digits(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(f"{value:.4g}")
