"""What is done with a built candidate, stage by stage: start, verify, time, verify a timed call."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import Any

from warploom.judge.correctness.verify import verify
from warploom.judge.fault import Fault
from warploom.judge.machine.busy import DISTURBED_SHARE, Bystanders
from warploom.judge.roofline import Roofline
from warploom.judge.seal import sealed
from warploom.judge.session import Session
from warploom.judge.timing.bench import Bench
from warploom.judge.timing.measure import call_deadline_s, measure
from warploom.judge.timing.sampling import PROMOTE, SCREEN
from warploom.judge.timing.strict import check_timed
from warploom.sandbox.candidate_process import CandidateProcess, WorkerFailed
from warploom.sandbox.freezer import processor_ns
from warploom.sandbox.jail import Jail
from warploom.sandbox.limits import Limits
from warploom.sandbox.runner import Runner
from warploom.values.candidate import Candidate
from warploom.values.job import Job
from warploom.values.outcome import Build, Check, Timing

BASELINE_DRIFT = 0.15
"""A baseline whose median is further than this from its session reference is measured again."""


def start(build: Build, candidate: Candidate, jail: Jail, limits: Limits) -> CandidateProcess:
    """A fresh process that has loaded the artifact, which is hashed again right before.

    Raises:
        Fault: it could not, or the artifact is not the one that was built.
    """
    try:
        with sealed(build) as artifact:
            return CandidateProcess(artifact, candidate.entry_point, jail, limits)
    except WorkerFailed as error:
        raise Fault("load", error.kind, error.message, error.log_tail) from error


def verify_all(
    session: Session, process: Runner, promote: bool, held_out_seconds: float
) -> tuple[list[Check], dict[str, int]]:
    """Every workload, held-out ones first: they are small, and most wrong kernels end there.

    Args:
        session: the trusted side.
        process: the candidate's.
        promote: fresh content for the held-out workloads, and timed ones run twice.
        held_out_seconds: deadline of all calls on held-out workloads together.

    Returns:
        The checks, and what a call took on each timed workload.

    Raises:
        Fault: a check failed, or the process did.
    """
    checks: list[Check] = []
    first_ns: dict[str, int] = {}
    held_out = session.held_out_trials(fresh=promote)
    if held_out:
        checks += verify(process, held_out, session.problem, held_out_seconds, session.rng)[0]
    for bench in session.benches:
        trial = session.timed_trial(bench, repeat=promote)
        calls = len(trial.outputs)
        found, ns = verify(process, [trial], session.problem, calls * call_deadline_s(bench), session.rng)
        checks += found
        first_ns[str(bench.workload)] = ns // calls
    return checks, first_ns


def verify_held_out(session: Session, process: Runner, seconds: float) -> list[Check]:
    """Every held-out workload once more, in whatever process; ``seconds`` are the deadline of all calls together.

    Raises:
        Fault: a check failed, or the process did.
    """
    trials = session.held_out_trials(fresh=False)
    return verify(process, trials, session.problem, seconds, session.rng)[0] if trials else []


def call_once(session: Session, process: Runner, seconds: float) -> None:
    """One call on the first timed shape, in whatever process; nobody looks at the answer.

    Raises:
        WorkerFailed: the process failed.
    """
    bench = session.benches[0]
    process.stage(bench.calls(bench.windows(1)))
    bench.renew(1)
    bench.lay_poison(1)
    process.run(seconds)


def verify_stressed(session: Session, process: Runner) -> list[Check]:
    """Every timed shape once more, with values of a held-out recipe.

    A kernel can be right on all held-out shapes and careless on the timed ones, where it pays.

    Raises:
        Fault: a check failed, or the process did.
        ReferenceFailed: an oracle could not be computed.
    """
    checks: list[Check] = []
    for bench in session.benches:
        for recipe in session.stressing(bench):
            with session.stressed_trial(bench, recipe) as trial:
                checks += verify(process, [trial], session.problem, call_deadline_s(bench), session.rng)[0]
    return checks


def verify_first(session: Session, process: Runner) -> list[Check]:
    """The timed shapes as the first calls of a fresh process, in an order drawn by lot.

    A process that is judged sees the smallest held-out shape first; a user's program, and the best so far beside a
    challenger, begin with a timed one. A kernel can tell the two apart by its first call.

    Raises:
        Fault: a check failed, or the process did.
    """
    checks: list[Check] = []
    for bench in session.order.sample(session.benches, len(session.benches)):
        trial = session.timed_trial(bench, repeat=False)
        checks += verify(process, [trial], session.problem, call_deadline_s(bench), session.rng)[0]
    return checks


def time_all(
    session: Session,
    roofline: Roofline,
    process: Runner,
    rival: Runner | None,
    job: Job,
    first_ns: Mapping[str, int],
) -> tuple[list[Timing], dict[str, Any]]:
    """Every timed workload, against eager or, for a promotion, every baseline.

    Returns:
        The timings, and notes for the environment: the smallest fraction of the roofline; for a promotion also what was
        measured again, how much of the machine was at work for others, and where no look into a block told anything.

    Raises:
        Fault: a timed call was wrong, the process failed, or it was faster than this machine can be.
        RivalFailed: the rival's process failed.
    """
    promote = job.effort == "promote"
    baselines = session.baselines if promote else ("eager",)
    incumbent = None if promote else job.incumbent
    timings: list[Timing] = []
    notes: dict[str, Any] = {}
    fractions: list[float] = []
    unwatched: set[str] = set()

    def once(bench: Bench) -> list[Timing]:
        return measure(
            process,
            session.reference,
            bench,
            baselines,
            first_ns[str(bench.workload)],
            PROMOTE if promote else SCREEN,
            session.order,
            incumbent,
            rival,
            lambda: unwatched.add(str(bench.workload)),
        )

    def watched(bench: Bench) -> tuple[list[Timing], float | None]:
        ours = [process.pid, session.reference.pid, *([rival.pid] if rival else [])]
        bystanders = Bystanders([time.process_time_ns, *(partial(_used_ns, pid) for pid in ours)])
        return once(bench), bystanders.share()

    def again_if_disturbed(bench: Bench) -> list[Timing]:
        found, busy = watched(bench)
        disturbed = (busy or 0.0) > DISTURBED_SHARE and session.quiet.wait()
        if disturbed or session.drift(bench, found[0]) > BASELINE_DRIFT:
            found, busy = watched(bench)
            notes.setdefault("measured_again", []).append(str(bench.workload))
        if busy is not None:
            notes["busy"] = max(round(busy, 3), notes.get("busy", 0.0))
        return found

    for bench in session.benches:
        found = again_if_disturbed(bench) if promote else once(bench)
        fractions.append(roofline.check(session.problem, found[0], bench.traffic_bytes))
        timings += found
    if unwatched:
        notes["unwatched"] = sorted(unwatched)
    notes["roofline"] = round(min(fractions), 3)
    return timings, notes


def _used_ns(pid: int) -> int:
    """Processor time of a process; 0 when it is gone, which whoever asks it next will learn."""
    try:
        return processor_ns(pid)
    except OSError:
        return 0


def verify_timed(session: Session) -> list[Check]:
    """After all timed calls: a few of each workload, drawn by lot, as strictly as the calls before the timing.

    Timed calls are compared with the baseline's results, which takes a looser tolerance, and a kernel can tell them
    from the calls before: by their number, their addresses, their pace. It cannot tell which of them will be drawn.

    Raises:
        Fault: a call was wrong.
        ReferenceFailed: its oracle could not be computed.
    """
    return [
        check
        for bench in session.benches
        for check in check_timed(session.problem, bench, session.reference, session.rng)
    ]
