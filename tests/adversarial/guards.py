"""Every guard of the judge, and how to switch it off: the other half of the claim that none is decoration.

A guard is switched off by replacing the smallest piece of the judge that makes it. With it off, a cheat that names it
must get through. Where a guard stands behind another, both are switched off for that, and the first alone must not be
enough. Where nothing can be switched off, the reason is given instead.
"""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from warploom.judge import session, stages
from warploom.judge.comparison import compare
from warploom.judge.comparison.compare import Allowance, Comparison, Expected
from warploom.judge.content import layout
from warploom.judge.content.guards import Poison, poison
from warploom.judge.content.layout import Array, Layout, view
from warploom.judge.content.renewal import Source
from warploom.judge.correctness import oracle, verify
from warploom.judge.evaluate import LocalJudge
from warploom.judge.roofline import Roofline
from warploom.judge.timing import bench as bench_module
from warploom.judge.timing.bench import Bench
from warploom.judge.timing.cut import Cuts
from warploom.judge.timing.watch import Watch
from warploom.sandbox import candidate_process, freezer, jail, rules, seccomp, wire
from warploom.sandbox.buffers import SharedBuffer
from warploom.sandbox.jail import Jail
from warploom.sandbox.runtime import WORKER
from warploom.toolchain import cpp
from warploom.values.problem import Problem


@dataclass(frozen=True)
class Off:
    """What switching off needs.

    Attributes:
        patch: replaces pieces of the judge until the guard is switched on again.
        judge: whose guard it is.
        ends: what must be done then besides.
    """

    patch: pytest.MonkeyPatch
    judge: LocalJudge
    ends: contextlib.ExitStack


Disable = Callable[[Off], None]


@dataclass(frozen=True)
class Guard:
    """One guard.

    Attributes:
        name: as ``disabled_by`` of an exhibit calls it.
        disable: replaces it in the judge; None where there is nothing to replace.
        reason: why there is nothing.
        behind: guards that catch the same cheats first.
        prepared: must be off before the judge prepares, so it needs a judge of its own.
    """

    name: str
    disable: Disable | None = None
    reason: str = ""
    behind: tuple[str, ...] = ()
    prepared: bool = False


def _freeze(off: Off) -> None:
    """Outputs are read at leisure, while the worker runs on."""

    real = signal.pidfd_send_signal

    def never_stop(pidfd: int, number: int) -> None:
        if number != signal.SIGSTOP:
            real(pidfd, number)

    def pause(pid: int, pidfd: int) -> bool:
        time.sleep(0.03)
        return True

    off.patch.setattr(signal, "pidfd_send_signal", never_stop)
    off.patch.setattr(freezer, "freeze", pause)


def _poison(off: Off) -> None:
    """Outputs are cleared, as if they came fresh from the system."""

    def clear(buffer: SharedBuffer, layout: Layout, rng: np.random.Generator) -> Poison:
        laid = poison(buffer, layout, rng)
        for region in layout.regions:
            view(buffer, region).fill(0)
        return Poison((-1,) * len(laid.words), laid.guard)

    off.patch.setattr(verify, "poison", clear)
    off.patch.setattr(bench_module, "poison", clear)
    off.patch.setattr(Cuts, "judge", lambda cuts: None)  # what it looks for is the poison


def _zones(off: Off) -> None:
    off.patch.setattr(oracle, "overwritten", lambda buffer, layout, laid: "")


def _fresh_content(off: Off) -> None:
    """Timed calls get new content once, then never again."""
    real = Bench.renew
    filled: dict[int, int] = {}

    def renew_once(bench: Bench, calls: int = 1) -> None:
        if filled.get(id(bench.inputs), 0) < calls:
            filled[id(bench.inputs)] = calls
            real(bench, calls)

    off.patch.setattr(Bench, "renew", renew_once)


def _renewal_after_waking(off: Off) -> None:
    """The content that is timed is there when the processes are woken."""
    real_renew, real_check = Bench.renew, Bench.check
    begun: set[int] = set()

    def only_first(bench: Bench, calls: int = 1) -> None:
        if id(bench.inputs) not in begun:
            begun.add(id(bench.inputs))
            real_renew(bench, calls)

    def check_and_renew(bench: Bench, calls: int) -> Any:
        found = real_check(bench, calls)
        real_renew(bench, calls)
        return found

    off.patch.setattr(Bench, "renew", only_first)
    off.patch.setattr(Bench, "check", check_and_renew)


def _own_inputs(off: Off) -> None:
    """All calls of a block read the same inputs."""
    real = Bench.windows
    off.patch.setattr(Bench, "windows", lambda bench, calls: real(bench, 1) * calls)


def _looks(off: Off) -> None:
    """No block is stopped on the way."""
    off.patch.setattr(Watch, "wanting", False)


def _cuts(off: Off) -> None:
    """Every block goes on to its last call."""
    off.patch.setattr(Cuts, "wanting", False)


def _never_repeats(off: Off) -> None:
    """New content has the magnitudes of the content before, with other signs."""

    def turn_signs(source: Source, target: Array) -> None:
        signs = 1.0 - 2.0 * source._rng.integers(0, 2, target.size)
        target[:] = np.resize(source._values[:512], target.size) * signs

    off.patch.setattr(Source, "fill", turn_signs)


def _tolerance(off: Off) -> None:
    """One per cent, absolute and relative, as public harnesses have it."""

    def one_percent(tolerance: Array | Allowance, begin: int, wanted: Array, room: Array) -> Array:
        loose: Array = (0.01 + 0.01 * np.abs(wanted)).astype(wanted.dtype)
        return loose

    off.patch.setattr(compare, "_tolerance", one_percent)


def _comparison(off: Off) -> None:
    off.patch.setattr(oracle, "compare", lambda stored, dtype, expected, poison: Comparison(0.0, 0.0, -1))


def _every_element(off: Off) -> None:
    """Every 64th element is looked at."""
    real = compare.compare

    def sample(stored: Array, dtype: str, expected: Expected, poison: int) -> Comparison:
        tolerance = expected.tolerance
        if isinstance(tolerance, np.ndarray):
            tolerance = tolerance[::64]
        otherwise = None if expected.otherwise is None else expected.otherwise[::64]
        return real(stored[::64].copy(), dtype, Expected(expected.values[::64], tolerance, otherwise), poison)

    off.patch.setattr(oracle, "compare", sample)


def _nan_rule(off: Off) -> None:
    off.patch.setattr(compare, "_same_kind", lambda own, wanted: np.ones(own.shape, dtype=bool))


def _held_out(off: Off) -> None:
    off.patch.setattr(session.Session, "held_out_trials", lambda self, fresh: [])


def _repeat(off: Off) -> None:
    off.patch.setattr(verify, "_drift", lambda trial: "")


def _timed_calls(off: Off) -> None:
    off.patch.setattr(Bench, "check", lambda bench, calls, rival=False: None)


def _strict_timed_call(off: Off) -> None:
    off.patch.setattr(stages, "verify_timed", lambda session: [])


def _stressed(off: Off) -> None:
    off.patch.setattr(stages, "verify_stressed", lambda session, process: [])


def _read_only(off: Off) -> None:
    """Inputs are handed out with the descriptor that may write, and never sealed."""
    off.patch.setattr(SharedBuffer, "read_only_fd", property(lambda buffer: buffer.fd))


def _roofline(off: Off) -> None:
    off.patch.setattr(Roofline, "check", lambda self, problem, timing, traffic_bytes: 0.5)


def _jail(off: Off) -> None:
    """Neither namespaces nor Landlock, nor a user of its own: limits and the filter remain."""
    off.patch.setattr(off.judge._place, "_jail", Jail("rlimits", ("everything",), user_namespace=False))


def _seccomp(off: Off) -> None:
    off.patch.setattr(seccomp, "supported", lambda: False)


def _wire(off: Off) -> None:
    """Whatever comes is an answer, and what comes besides is thrown away."""

    def drain(channel: Any) -> bytes:
        while wire_pending(channel):
            channel.recv(wire.MESSAGE_BYTES)
        return b""

    wire_pending = wire.pending
    off.patch.setattr(wire, "pending", drain)
    off.patch.setattr(wire, "receive_reply", lambda channel, token: wire.Reply(text=_read(channel)))


def _read(channel: Any) -> str:
    data: bytes = channel.recv(wire.MESSAGE_BYTES)
    if not data:
        raise EOFError
    return ""


def _fresh_process(off: Off) -> None:
    """A process lives on and serves the next evaluation as well."""
    real = stages.start
    kept: dict[str, candidate_process.CandidateProcess] = {}

    def reuse(build: Any, candidate: Any, jail: Jail, limits: Any) -> candidate_process.CandidateProcess:
        if candidate.id not in kept:
            kept[candidate.id] = real(build, candidate, jail, limits)
            off.ends.callback(kept[candidate.id].close)
            off.patch.setattr(kept[candidate.id], "close", lambda: None)
        return kept[candidate.id]

    off.patch.setattr(stages, "start", reuse)


def _processor_mode(off: Off) -> None:
    """A worker that never looks how it computes."""
    text = WORKER.read_text()
    careless = off.judge._cache / "worker.py"
    careless.write_text(text.replace("changed = _changed()", 'changed = ""'))
    assert careless.read_text() != text
    off.patch.setattr(jail, "WORKER", careless)


def _limits(off: Off) -> None:
    real = rules.confinement

    def without(*given: Any) -> list[str]:
        return [line for line in real(*given) if not line.startswith("limit ")]

    off.patch.setattr("warploom.sandbox.worker_process.confinement", without)


def _whole_pages(off: Off) -> None:
    off.patch.setattr(layout, "PAGE_BYTES", layout.ALIGNMENT_BYTES)


def _loader_names(off: Off) -> None:
    off.patch.setattr(cpp, "rejection", lambda library, log: None)


def _timed_first(off: Off) -> None:
    off.patch.setattr(stages, "verify_first", lambda session, process: [])


def _below_zero(off: Off) -> None:
    off.patch.setattr(Problem, "checked", property(lambda problem: tuple(problem.held_out)))


def _library_size(off: Off) -> None:
    off.patch.setattr(cpp, "_ARTIFACT_BYTES", 1 << 40)


GUARDS: dict[str, Guard] = {
    guard.name: guard
    for guard in (
        Guard("freeze", _freeze),
        Guard("poison", _poison),
        Guard("guard zones", _zones),
        Guard("fresh content", _fresh_content),
        Guard("content renewed after waking", _renewal_after_waking),
        Guard("inputs of their own", _own_inputs),
        Guard("content that never repeats", _never_repeats),
        Guard("looks on the way", _looks, behind=("blocks cut short",)),
        Guard("blocks cut short", _cuts, behind=("looks on the way",)),
        Guard("comparison with the oracle", _comparison),
        Guard("every element", _every_element),
        Guard("tolerance", _tolerance),
        Guard("NaN rule", _nan_rule),
        Guard("held-out workloads", _held_out),
        Guard("repeat", _repeat),
        Guard("timed-call verification", _timed_calls),
        Guard("strict timed call", _strict_timed_call),
        Guard("recipes on timed shapes", _stressed),
        Guard("read-only inputs", _read_only, prepared=True),
        Guard("roofline", _roofline),
        Guard("jail", _jail),
        Guard("seccomp", _seccomp),
        Guard("wire checks", _wire, behind=("freeze",)),
        Guard("fresh process", _fresh_process),
        Guard("processor mode", _processor_mode),
        Guard("limits", _limits),
        Guard("whole pages", _whole_pages, prepared=True),
        Guard("size of the library", _library_size),
        Guard("names of the loader", _loader_names),
        Guard("timed shapes first", _timed_first),
        Guard("values below zero", _below_zero),
        Guard(
            "answers elsewhere",
            reason="by construction: expected values are in the parent and in the reference process, and in no file; "
            "there is no place from which they could be taken away",
        ),
        Guard(
            "verdict in the parent",
            reason="by construction: clock, comparison and verdict are code of another process, and nothing that a "
            "worker writes or says is read but the outputs and that it is done",
        ),
    )
}


@contextlib.contextmanager
def switched_off(names: Sequence[str], judge: LocalJudge) -> Iterator[None]:
    """These guards are off inside the block."""
    with contextlib.ExitStack() as ends, pytest.MonkeyPatch.context() as patch:
        for name in names:
            switch = GUARDS[name].disable
            assert switch is not None, f"{name} cannot be switched off: {GUARDS[name].reason}"
            switch(Off(patch, judge, ends))
        yield
