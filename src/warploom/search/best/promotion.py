"""Who becomes the run's best: only one that was measured again, in a fresh process, and held what it had shown."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from warploom.archive.journal import Journal
from warploom.archive.remeasured import remeasured
from warploom.judge.machine.busy import disturbed
from warploom.judge.promotion import INCUMBENT, promotes
from warploom.search.best.evidence import speedups
from warploom.search.best.folder import remove_best, write_best, write_scored
from warploom.search.executor import Executor
from warploom.search.noise import noise_floor, ratio
from warploom.search.state import State
from warploom.values.ends import ends_of_speedup
from warploom.values.event import NotPromoted, Promoted
from warploom.values.job import Job, Occasion
from warploom.values.measure import SCORE
from warploom.values.mint import counted
from warploom.values.outcome import Evaluation, Failed, Passed

Verdict = Promoted | NotPromoted

LEAST_EVERY, MOST_EVERY = 6, 50

FINALISTS = 3
"""So many of the best are measured again at the end: the best of many measurements was also the luckiest."""


def promote_every(evaluations: int) -> int:
    """Evaluations between two re-measurements: about ten in a run.

    Early on nearly every candidate is a record, and to measure one again costs as much as ten screenings.
    """
    return max(LEAST_EVERY, min(MOST_EVERY, evaluations // 10))


class Commit(Protocol):
    """Makes an event durable, with the evaluation it rests on, and acts on it."""

    def __call__(self, event: Verdict, *, evaluation: Evaluation, occasion: Occasion) -> None:
        """See :meth:`warploom.search.proceedings.Proceedings.commit`."""
        ...


class Promotions:
    """Measures records again.

    Args:
        journal: open for writing.
        state: of the run.
        executor: does the jobs.
        commit: makes an event durable and acts on it.
        environment: of this sitting, for the evidence.
    """

    def __init__(
        self,
        journal: Journal,
        state: State,
        executor: Executor,
        commit: Commit,
        environment: Mapping[str, Any],
    ) -> None:
        self._journal = journal
        self._state = state
        self._executor = executor
        self._commit = commit
        self._environment = environment

    def is_due(self) -> bool:
        """Whether there is a contender that should be measured again now: it waited, or looks like the target."""
        contender, target = self._state.contender, self._state.config.target_speedup
        if contender is None:
            return False
        reached = target is not None and contender.fitness >= math.log(target)
        return reached or self._state.quiet >= promote_every(self._state.config.evaluations)

    async def settle(self) -> None:
        """Measure the contender again."""
        if self._state.contender is not None:
            await self._measure(self._state.contender.candidate)

    async def finals(self, most: int = FINALISTS) -> None:
        """Measure the best few again before one of them is called the best; at most so many."""
        for _ in range(most):
            candidate = self._finalist()
            if candidate is None:
                return
            await self._measure(candidate)

    async def once_more(self) -> None:
        """Measure the best once more where others were at work when it was measured, which may be over by now.

        What does not hold this time gives its place back to the best before it, of which the same is then asked.
        """
        for _ in range(FINALISTS):
            best = self._state.promoted
            first = self._journal.evaluation(best.candidate, "promote") if best else None
            if best is None or first is None or not disturbed(first.environment):
                return
            if self._journal.evaluation(best.candidate, "again") is not None:
                return
            before = self._state.before
            job = replace(self._job(best.candidate, before), again=True)
            evaluation = counted(job, await self._executor.submit(job))
            if isinstance(evaluation, Passed) and disturbed(evaluation.environment) >= disturbed(first.environment):
                return  # no better than what stands
            verdict = judge_again(best.candidate, evaluation, before)
            self._settle(verdict, evaluation, "again")
            if isinstance(verdict, NotPromoted):
                await self._fall_back(before)

    async def _fall_back(self, before: Promoted | None) -> None:
        """The best before is the best again; where there is none, the best that was not measured again yet."""
        if before is not None:
            evaluation = remeasured(self._journal, before.candidate)
            assert evaluation is not None
            self._settle(before, evaluation)
            return
        await self.finals()
        if self._state.promoted is None:
            remove_best(self._journal)

    async def _measure(self, candidate: str) -> None:
        job = self._job(candidate, self._state.promoted)
        evaluation = self._journal.evaluation(candidate, "promote")
        if evaluation is None:
            evaluation = counted(job, await self._executor.submit(job))
            self._journal.keep(candidate, evaluation, "promote")
        self._settle(judge_again(candidate, counted(job, evaluation), self._state.promoted), evaluation)

    def _job(self, candidate: str, incumbent: Promoted | None) -> Job:
        """To measure a candidate again, side by side with the best there is."""
        found = self._journal.proposal(candidate).candidate
        rival = self._journal.proposal(incumbent.candidate).candidate if incumbent else None
        return Job(found, found.problem, "promote", rival=rival)

    def _settle(self, verdict: Verdict, evaluation: Evaluation, occasion: Occasion = "promote") -> None:
        """Act on a verdict: a best is written to its folder first."""
        if isinstance(verdict, Promoted):
            write = write_scored if self._state.measure is SCORE else write_best
            proposal = self._journal.proposal(verdict.candidate)
            write(self._journal, proposal, evaluation, verdict, self._environment)
        self._commit(verdict, evaluation=evaluation, occasion=occasion)

    def _finalist(self) -> str | None:
        state = self._state
        for one in sorted(state.archive.elites(), key=lambda one: -one.fitness):
            if one.candidate.id in state.measured_again:
                continue
            if state.promoted is None or one.fitness + one.spread > state.promoted.fitness:
                return one.candidate.id
        return None


def judge_again(candidate: str, evaluation: Evaluation, incumbent: Promoted | None) -> Verdict:
    """Promote when the lower end of the fresh interval beats the incumbent by more than the noise floor.

    Args:
        candidate: its id.
        evaluation: from a fresh process, with effort "promote".
        incumbent: the promoted best so far; without one, any candidate that passed is the best there is.
    """
    if isinstance(evaluation, Failed):
        return NotPromoted(candidate, f"{evaluation.stage}: {evaluation.kind}: {evaluation.message}")
    if evaluation.score is not None:
        return score_again(candidate, evaluation.score.value, incumbent)
    shown = speedups(evaluation)
    if "eager" not in shown:
        return NotPromoted(candidate, "it was not timed against eager")
    eager = shown["eager"]
    fitness, spread = math.log(eager.median), math.log(eager.high / eager.low) / 2
    floor = noise_floor(evaluation)
    if not promotes(evaluation.timings, incumbent.fitness if incumbent else None, floor):
        best = math.exp(incumbent.fitness) if incumbent else 1.0
        beaten = f"beat {best:.2f}× for sure, and by more than the noise floor, {ratio(floor)}"
        if INCUMBENT in shown:
            beside = f"side by side {shown[INCUMBENT]} the speed of the best"
            beaten = (
                f"make it the best for sure: {beside}, and the lower end must be above the noise floor, {ratio(floor)}"
            )
        reason = f"measured again at {eager}, which does not {beaten}"
        return NotPromoted(candidate, reason, fitness, spread, ends_of_speedup(eager))
    return Promoted(
        candidate,
        fitness,
        spread,
        {baseline: (value.median, value.low, value.high) for baseline, value in shown.items()},
        roofline(evaluation),
    )


def score_again(candidate: str, score: float, incumbent: Promoted | None) -> Verdict:
    """Promote a program whose second score is above the incumbent's: what luck gave once has to come twice."""
    fitness = SCORE.of(score)
    if incumbent is not None and fitness <= incumbent.fitness:
        reason = f"scored again at {score:.6g}, which is not above the best, {SCORE.number(incumbent.fitness)}"
        return NotPromoted(candidate, reason, fitness)
    return Promoted(candidate, fitness, 0.0, {})


def roofline(evaluation: Evaluation) -> float | None:
    """The fraction of the roofline that the judge states."""
    stated = evaluation.environment.get("roofline")
    return float(stated) if isinstance(stated, int | float) else None
