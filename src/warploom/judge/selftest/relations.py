"""The measurement measured: what a judge says of kernels about which the truth is known.

A harness lies in ways that no attack is needed for: candidate and baseline swapped, the source before the change timed
instead of the one after, one side warm and the other cold, the harness's own time taken for the kernel's. Each breaks
one of these relations, which hold whatever the machine does (metamorphic testing: Chen et al. 1998).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from warploom.judge.machine import yardstick
from warploom.judge.promotion import INCUMBENT
from warploom.judge.protocol import Judge
from warploom.judge.timing.measure import BLOCK_NS
from warploom.values.candidate import Candidate
from warploom.values.job import Job
from warploom.values.mint import refusal
from warploom.values.outcome import Failed, Passed
from warploom.values.problem import Problem
from warploom.values.speedup import Speedup, speedup

SLOWDOWNS = (0.05, 0.2, 1.0)
PLAIN_AGAIN = 1.0
"""The slowdown that must be told from nothing on any machine; if not, this one is too noisy to judge on."""

PACE_NS = 6_000_000
PACE_MARGIN = 0.05


@dataclass(frozen=True)
class Relation:
    """One relation that was tested.

    Attributes:
        name: the relation.
        holds: whether it does.
        detail: what was wanted and what was found, one line.
        figures: the numbers in it.
    """

    name: str
    holds: bool
    detail: str
    figures: Mapping[str, float] = field(default_factory=dict)


class Relations:
    """What must hold of a judge of the yardstick.

    Args:
        judge: of ``problem``.
        problem: the yardstick, see :func:`warploom.judge.machine.yardstick.problem`.
        noise_floor: smallest log speedup that means anything on this machine; so much a comparison may be off.
        round_trip_ns: part of every timed block that no kernel can help.
    """

    def __init__(self, judge: Judge, problem: Problem, noise_floor: float, round_trip_ns: float) -> None:
        self._judge, self._problem = judge, problem
        self._floor, self._round_trip_ns = noise_floor, round_trip_ns
        self._plain = yardstick.kernel(problem)

    def run(self) -> Iterator[Relation]:
        """Every relation, one after another."""
        checks: tuple[Callable[[], Iterator[Relation]], ...] = (
            self.itself,
            self.swapped,
            self.slowdowns,
            self.paced,
            self.broken,
            self.other_problem,
        )
        for check in checks:
            yield from check()

    # ------------------------------------------------------------ relations of times

    def itself(self) -> Iterator[Relation]:
        """A kernel beside itself: 1."""
        yield self._beside("a kernel is as fast as itself", self._plain, self._plain, 1.0)

    def swapped(self) -> Iterator[Relation]:
        """Challenger and best so far exchanged: the reciprocal."""
        name = "swapped sides give the reciprocal"
        slow = yardstick.kernel(self._problem, SLOWDOWNS[1])
        one = self._measured(slow, self._plain)
        other = self._measured(self._plain, slow)
        for found in (one, other):
            if isinstance(found, Failed):
                yield _not_timed(name, found)
                return
        assert isinstance(one, Speedup)
        assert isinstance(other, Speedup)
        product = one.median * other.median
        off = math.hypot(*(math.log(found.high / found.low) / 2 for found in (one, other))) + 2 * self._floor
        yield Relation(
            name,
            abs(math.log(product)) <= off and one.median < other.median,
            f"{one} and {other}: their product is {product:.3f}, 1 within {math.expm1(off):.1%} wanted",
            {"one": one.median, "other": other.median, "product": product, "tolerance": off},
        )

    def slowdowns(self, shares: Sequence[float] = SLOWDOWNS) -> Iterator[Relation]:
        """A kernel that waits for a share of its time beside the one that does not: the share is recovered."""
        for slowdown in shares:
            name = f"a slowdown of {slowdown:.0%} is recovered"
            slow = yardstick.kernel(self._problem, slowdown)
            yield self._beside(name, slow, self._plain, 1 / (1 + slowdown))

    def _beside(self, name: str, candidate: Candidate, rival: Candidate, wanted: float) -> Relation:
        found = self._measured(candidate, rival)
        if isinstance(found, Failed):
            return _not_timed(name, found)
        # The round trip takes the same time for both, and so draws every ratio a little towards 1.
        tolerance = self._floor + self._drawn(wanted)
        covered = math.log(found.low) - tolerance <= math.log(wanted) <= math.log(found.high) + tolerance
        told = wanted == 1.0 or math.log(found.high) < -tolerance
        detail = f"{found}, {wanted:.3f}× within {math.expm1(tolerance):.1%} wanted"
        if covered and not told:
            detail += "; this machine is too noisy now to tell it from 1"
        passed = covered and (told or wanted > 1 / (1 + PLAIN_AGAIN))
        figures = {"median": found.median, "low": found.low, "high": found.high, "wanted": wanted}
        return Relation(name, passed, detail, {**figures, "tolerance": tolerance, "told": float(told)})

    def _drawn(self, wanted: float) -> float:
        """How far the log of a ratio is drawn towards 0 by the round trip, in a block of the shortest length."""
        share = self._round_trip_ns / BLOCK_NS
        return abs(math.log(wanted) - math.log((wanted + share) / (1 + share)))

    def paced(self) -> Iterator[Relation]:
        """A kernel that takes a known time on the clock takes that time, and PyTorch beside it does not."""
        name = "a call takes the time it takes"
        evaluation = self._evaluate(yardstick.kernel(self._problem, least_ns=PACE_NS))
        if isinstance(evaluation, Failed):
            yield _not_timed(name, evaluation)
            return
        eager = [timing for timing in evaluation.timings if timing.baseline == "eager"]
        own = [median(timing.samples_ns) for timing in eager]
        theirs = [median(timing.reference_samples_ns) for timing in eager]
        most = PACE_NS * (1 + PACE_MARGIN) + self._round_trip_ns
        kept = all(PACE_NS <= ns <= most for ns in own)
        apart = all(not PACE_NS <= ns <= most for ns in theirs)
        said = ", ".join(f"{ns / 1e6:.2f} ms" for ns in own)
        beside = ", ".join(f"{ns / 1e6:.2f} ms" for ns in theirs)
        yield Relation(
            name,
            kept and apart,
            f"{said} measured where {PACE_NS / 1e6:.0f} to {most / 1e6:.2f} ms are wanted; PyTorch beside it {beside}",
            {"least_ns": min(own), "most_ns": max(own), "wanted_ns": PACE_NS, "eager_ns": max(theirs)},
        )

    # ------------------------------------------------------------ what must be refused

    def broken(self) -> Iterator[Relation]:
        """One element off by a little, and outputs that nobody wrote: neither passes."""
        broken = {
            "a kernel with one wrong element fails": (yardstick.ONE_ELEMENT_WRONG, "wrong_result"),
            "a kernel that writes nothing fails": (yardstick.NOTHING_WRITTEN, "unwritten_output"),
        }
        for name, (work, kind) in broken.items():
            found = self._evaluate(yardstick.kernel(self._problem, work=work))
            said = f"{found.kind}: {found.message}" if isinstance(found, Failed) else "it passed"
            yield Relation(name, isinstance(found, Failed) and found.kind == kind, said)

    def other_problem(self) -> Iterator[Relation]:
        """A job for another problem is refused, and so is an evaluation of another candidate."""
        found = self._judge.evaluate(Job(self._plain, "0" * 16))
        refused = isinstance(found, Failed) and found.kind == "rejected"
        said = found.message if isinstance(found, Failed) else "it passed"
        yield Relation("a job for another problem is refused", refused, said)
        name = "an evaluation of another candidate does not count"
        job, other = (Job(yardstick.kernel(self._problem, share), self._problem.hash) for share in (0.0, SLOWDOWNS[0]))
        found = self._judge.evaluate(job)
        if isinstance(found, Failed):
            yield _not_timed(name, found)
            return
        own, theirs = refusal(job, found), refusal(other, found)
        yield Relation(name, not own and bool(theirs), own or theirs or "it counts")

    # ------------------------------------------------------------ the judge

    def _measured(self, candidate: Candidate, rival: Candidate) -> Speedup | Failed:
        """How many times faster a kernel is than its rival, side by side."""
        found = self._evaluate(candidate, rival)
        if isinstance(found, Failed):
            return found
        return speedup(found.timings, INCUMBENT) or Failed("time", "reference", "it was not timed beside its rival")

    def _evaluate(self, candidate: Candidate, rival: Candidate | None = None) -> Passed | Failed:
        return self._judge.evaluate(Job(candidate, self._problem.hash, "promote", rival=rival))


def _not_timed(name: str, found: Failed) -> Relation:
    return Relation(name, False, f"not timed: {found.stage}: {found.kind}: {found.message}")
