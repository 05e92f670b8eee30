"""Everything the judge prepares for one problem: reference process, checked inputs, benches, baselines, noise floor."""

from __future__ import annotations

import contextlib
import math
import random
import secrets
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from warploom.judge.comparison.compare import ROUNDING, Allowance
from warploom.judge.content.layout import Array, Layout, output_layout
from warploom.judge.correctness.oracle import CheckedSet, draw_checked, draw_own, with_room
from warploom.judge.correctness.verify import Trial
from warploom.judge.machine.busy import Quiet
from warploom.judge.machine.calibration import SMALLEST_FLOOR
from warploom.judge.reference.process import ReferenceProcess
from warploom.judge.roofline import traffic_bytes
from warploom.judge.timing.bench import PROCESSOR, Bench, Setting
from warploom.judge.timing.measure import Side, baseline_side, block_calls, rounds
from warploom.judge.timing.sampling import AGAINST_ITSELF
from warploom.sandbox.buffers import SharedBuffer
from warploom.sandbox.lease import Lease
from warploom.values.outcome import Timing
from warploom.values.problem import Problem, Workload
from warploom.values.speedup import Speedup, speedup

TIMED_SETS = 2
HELD_OUT_SETS = 2
SET_BYTES = 1 << 30
"""Memory for checked sets of timed workloads; where they would take more, each workload has one."""

EAGER_DEADLINE_S = 60.0


def noise_floor(found: Speedup) -> float:
    """Smallest log speedup that means anything, from eager measured against itself.

    How far the median is off, or half the interval if that is more: two measurements of the same kernel may each be
    off by so much.
    """
    half_width = math.log(found.high / found.low) / 2
    return max(SMALLEST_FLOOR, abs(math.log(found.median)), half_width)


class Session:
    """The trusted side of one problem, prepared once and used for every candidate. One thread at a time.

    Args:
        problem: loaded through :mod:`warploom.problems`.
        cache: directory that may keep what costs time to make.
        lease: of the device; timing holds it alone.
        seed: of all secret randomness; None draws it from the system.
        say: told what is being prepared, a line each.
        floor: noise floor of this machine; the session's own may be higher, never lower.
        setting: how calls are made and timed, see :class:`warploom.judge.timing.bench.Setting`.
    """

    def __init__(
        self,
        problem: Problem,
        cache: Path,
        lease: Lease,
        seed: int | None,
        say: Callable[[str], None],
        floor: float = SMALLEST_FLOOR,
        setting: Setting = PROCESSOR,
    ) -> None:
        self.problem, self._cache, self._lease, self._say = problem, cache, lease, say
        self.setting = setting
        seed = secrets.randbits(63) if seed is None else seed
        self.rng = np.random.default_rng(seed)
        self.order = random.Random(seed ^ 0x5EED)
        self.benches: list[Bench] = []
        self.noise_floor = floor
        self.own_floor = SMALLEST_FLOOR
        self.quiet = Quiet()
        self._checked: dict[str, list[CheckedSet]] = {}
        self._layouts: dict[str, Layout] = {}
        self._outputs: dict[str, tuple[SharedBuffer, SharedBuffer]] = {}
        say(f"starting PyTorch for {problem.name}")
        self.reference = ReferenceProcess(problem, cache, setting.torch)
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    def _prepare(self) -> None:
        self._say("computing float64 oracles of every workload")
        with self._lease.shared():
            for workload in (*self.problem.checked, *self.problem.workloads):
                self._add(workload)
            for workload in self.problem.workloads:
                own = partial(self._draw_own, workload)
                bench = Bench(self.problem, workload, self.rng, own, self.setting)
                self.benches.append(bench)
                levels = [one.levels for one in self._checked[str(workload)]]
                bench.allowances = self._allowances([max(level) for level in zip(*levels, strict=True)])
                bench.traffic_bytes = traffic_bytes(bench, self.reference)
            self._say("compiling the reference with torch.compile")
            self.compile_baselines()
        self._say("measuring PyTorch against itself")
        with self._lease.exclusive():
            self._measure_floor()

    def restart_reference(self) -> None:
        """Start the reference process anew; what it computed before is kept here.

        Raises:
            ReferenceFailed: it does not start.
        """
        self.reference.close()
        self.reference = ReferenceProcess(self.problem, self._cache, self.setting.torch)

    def compile_baselines(self) -> None:
        """Have ``torch.compile`` ready on every timed workload, or know why it cannot be."""
        for bench in self.benches:
            self.reference.compile(bench.workload, bench.inputs, [region.offset for region in bench.layout.regions])

    @property
    def baselines(self) -> tuple[str, ...]:
        """Baselines that are ready on every workload."""
        ready = all(not self.reference.compiled.get(str(bench.workload), "absent") for bench in self.benches)
        return ("eager", "compile") if ready else ("eager",)

    def describe(self) -> dict[str, Any]:
        """The baselines, their settings, and the noise floor."""
        compiled = self.reference.compiled
        absent = {name: reason for name, reason in compiled.items() if reason}
        return {
            "noise_floor": self.noise_floor,
            "noise_floor_of_session": self.own_floor,
            "traffic_bytes": {str(bench.workload): bench.traffic_bytes for bench in self.benches},
            "reference": {**self.reference.description, "environment": self.reference.settings},
            "baselines": {
                "eager": {"eager_ns": {str(bench.workload): bench.eager_ns for bench in self.benches}},
                "compile": {"absent": absent} if absent else {"mode": "default", "dynamic": False},
            },
        }

    # ------------------------------------------------------------ checked sets

    def held_out_trials(self, fresh: bool) -> list[Trial]:
        """Every held-out workload, run twice each, small ones first.

        Args:
            fresh: on content drawn now, from new secret seeds.

        Raises:
            ReferenceFailed: an oracle could not be computed.
        """
        chosen = sorted(self.problem.checked, key=self.problem.tensor_bytes)
        return [
            self._trial(
                workload,
                f"held-out workload {index} of {len(chosen)} ({workload.recipe} values)",
                held_out=True,
                repeat=True,
                fresh=fresh,
            )
            for index, workload in enumerate(chosen, start=1)
        ]

    def timed_trial(self, bench: Bench, repeat: bool) -> Trial:
        """A strict check of a timed workload.

        Args:
            bench: of the workload.
            repeat: run it twice, to see whether the kernel repeats itself.
        """
        return self._trial(bench.workload, f"workload {bench.workload}", held_out=False, repeat=repeat, fresh=False)

    def stressing(self, bench: Bench) -> list[str]:
        """The recipes of a promotion's further check of a timed shape: the special values, and another by lot."""
        recipes = sorted({workload.recipe for workload in self.problem.checked} - {bench.workload.recipe})
        others = [recipe for recipe in recipes if recipe != "special"]
        drawn = [others[int(self.rng.integers(len(others)))]] if others else []
        return [*drawn, *(recipe for recipe in recipes if recipe == "special")]

    @contextlib.contextmanager
    def stressed_trial(self, bench: Bench, recipe: str) -> Iterator[Trial]:
        """A timed shape with the values of another recipe, on content drawn now.

        Raises:
            ReferenceFailed: an oracle could not be computed.
        """
        own = bench.workload
        workload = Workload(recipe=recipe, **own.extents)
        checked = draw_checked(self.problem, workload, self.reference, self._seed())
        roomy = with_room(checked)
        title = f"workload {own} with {workload.recipe} values"
        try:
            outputs = self._outputs[str(own)][:1]
            yield Trial(workload, roomy, self._layouts[str(own)], outputs, held_out=True, title=title)
        finally:
            checked.inputs.close()

    def _trial(self, workload: Workload, title: str, *, held_out: bool, repeat: bool, fresh: bool) -> Trial:
        name = str(workload)
        sets = self._checked[name]
        if fresh:
            drawn = draw_checked(self.problem, workload, self.reference, self._seed())
            sets.pop(0).inputs.close()
            sets.append(drawn)
        checked = sets[-1] if fresh else sets[int(self.rng.integers(len(sets)))]
        outputs = self._outputs[name]
        return Trial(workload, checked, self._layouts[name], outputs if repeat else outputs[:1], held_out, title)

    def _add(self, workload: Workload) -> None:
        name = str(workload)
        if name in self._checked:
            return
        timed = workload in self.problem.workloads
        # Inputs, expected values and tolerances: three times the traffic at most.
        fits = 3 * TIMED_SETS * self.problem.tensor_bytes(workload) * len(self.problem.workloads) <= SET_BYTES
        count = HELD_OUT_SETS if not timed else TIMED_SETS if fits else 1
        layout = output_layout(self.problem, workload)
        self._layouts[name] = layout
        self._outputs[name] = (SharedBuffer(layout.size_bytes), SharedBuffer(layout.size_bytes))
        self._checked[name] = []
        for _ in range(count):
            self._checked[name].append(draw_checked(self.problem, workload, self.reference, self._seed()))
        first = self._checked[name][0]
        self.reference.require_repeats(workload, first.inputs, first.offsets)

    def _draw_own(self, workload: Workload, seed: int) -> list[Array]:
        return draw_own(self.problem, workload, seed, self.reference)

    def _seed(self) -> int:
        return int(self.rng.integers(1 << 62))

    def _allowances(self, levels: list[float]) -> tuple[Allowance, ...]:
        """Allowances of timed calls: the tolerance, and the error of the baseline they are compared with."""
        wanted = self.problem.tolerance
        return tuple(
            Allowance(
                (wanted.factor + 1) * level + wanted.absolute,
                (wanted.factor + 1) * ROUNDING.get(tensor.dtype, 0.0) + wanted.relative,
            )
            for level, tensor in zip(levels, self.problem.outputs.values(), strict=True)
        )

    # ------------------------------------------------------------ baselines

    def drift(self, bench: Bench, timing: Timing) -> float:
        """How far eager is from its time when the session began, as a share of it."""
        return abs(median(timing.reference_samples_ns) / bench.eager_ns - 1)

    def _measure_floor(self) -> None:
        """Eager against eager on every workload: the session's reference times, and the noise floor."""
        timings = []
        for bench in self.benches:
            bench.make_room(1)
            once = self.eager_side(bench, 1)
            bench.renew()
            for _ in range(3):
                bench.eager_ns = float(once())
            calls = block_calls(bench, bench.eager_ns)
            bench.make_room(calls)
            sides = {"candidate": self.eager_side(bench, calls), "eager": self.eager_side(bench, calls)}
            wake = [sides["eager"]]
            taken = rounds(bench, sides, calls, AGAINST_ITSELF, self.order, finish=lambda *_: None, wake=wake)
            timings.append(taken.timing(bench, "eager"))
            bench.eager_ns = median(timings[-1].reference_samples_ns)
        found = speedup(timings)
        assert found is not None
        self.own_floor = noise_floor(found)
        self.noise_floor = max(self.noise_floor, self.own_floor)

    def eager_side(self, bench: Bench, calls: int) -> Side:
        """A block of eager calls whose results are dropped."""
        side = baseline_side(self.reference, bench, "eager", bench.windows(calls), EAGER_DEADLINE_S)

        def run() -> int:
            elapsed = side()
            self.reference.collect([], [])
            return elapsed

        return run

    def close(self) -> None:
        """End the reference process and give the memory back."""
        self.reference.close()
        for bench in self.benches:
            bench.close()
        for sets in self._checked.values():
            for one in sets:
                one.inputs.close()
        for pair in self._outputs.values():
            for buffer in pair:
                buffer.close()
        self.benches, self._checked, self._outputs = [], {}, {}
