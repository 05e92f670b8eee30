"""Is a problem itself any good? Runs pretenders against the checks a candidate would meet, and looks at the reference.

Every workload is drawn twice, as the checked sets of a judge's session are: a pretender meets the first set, and where
it passes the second, as a candidate has to pass a promotion after its screening. Outputs are poisoned, compared and
guarded by the very code that does it for a candidate. Held-out workloads come first, being small; timed ones are met by
those that none of them caught.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from warploom.judge.auditing import advice
from warploom.judge.auditing.pretenders import pretenders
from warploom.judge.content.guards import poison
from warploom.judge.content.layout import Layout, input_layout, output_layout
from warploom.judge.correctness.oracle import CheckedSet, draw_checked, fill, inspect
from warploom.judge.reference.process import ReferenceProcess
from warploom.sandbox.buffers import SharedBuffer
from warploom.sandbox.lease import Lease
from warploom.values.audit import Audit, Encounter, Pretender, Trial
from warploom.values.problem import Problem, Workload

SETS = 2
EAGER_CALLS = 5
CALL_SECONDS = 60.0


def audit(
    problem: Problem, cache: Path, *, seed: int | None = None, say: Callable[[str], None] = lambda line: None
) -> Audit:
    """Try every pretender on every workload.

    Args:
        problem: loaded through :mod:`warploom.problems`.
        cache: as for :class:`warploom.judge.evaluate.LocalJudge`.
        seed: of all randomness; None draws it from the system.
        say: told which workload is at hand, a line each.

    Raises:
        ReferenceFailed: the reference cannot be computed.
    """
    rng = np.random.default_rng(secrets.randbits(63) if seed is None else seed)
    with ReferenceProcess(problem, cache) as reference:
        return _Hall(problem, reference, rng).audit(say)


class _Hall:
    """Where pretenders meet the checks of one problem."""

    def __init__(self, problem: Problem, reference: ReferenceProcess, rng: np.random.Generator) -> None:
        self._problem, self._reference, self._rng = problem, reference, rng
        self._lease = Lease.of_device()
        self._met: dict[Pretender, list[Encounter]] = {pretender: [] for pretender in pretenders(problem)}
        self._absent: dict[Pretender, str] = {}
        self._facts: dict[Workload, dict[str, Any]] = {}

    def audit(self, say: Callable[[str], None]) -> Audit:
        timed = list(dict.fromkeys(self._problem.workloads))
        workloads = [*(one for one in dict.fromkeys(self._problem.checked) if one not in timed), *timed]
        for number, workload in enumerate(workloads, start=1):
            say(f"workload {number} of {len(workloads)}: {workload}")
            with self._lease.shared():  # given back between workloads: others may be timing
                self._visit(workload, held_out=workload not in timed)
        trials = tuple(
            Trial(pretender, tuple(met), "" if met else self._absent.get(pretender, ""))
            for pretender, met in self._met.items()
        )
        findings = advice.findings(self._problem, self._facts)
        return Audit(self._problem.name, self._problem.hash, trials, findings, SETS * len(workloads))

    def _visit(self, workload: Workload, held_out: bool) -> None:
        """Every pretender at one workload."""
        going = [one for one, met in self._met.items() if held_out or not any(before.guard for before in met)]
        with ExitStack() as stack:
            sets = []
            for _ in range(SETS):
                sets.append(self._draw(workload, checked=bool(going)))
                stack.callback(sets[-1].inputs.close)
            layout = output_layout(self._problem, workload)
            target = SharedBuffer(layout.size_bytes)
            stack.callback(target.close)
            for own, other in zip(sets, reversed(sets), strict=True):
                facts = self._reference.examine(workload, own.inputs, other.inputs, own.offsets)
                self._facts.setdefault(workload, {**facts, "eager_ns": self._eager_ns(workload, own)})
                going = [one for one in going if self._meet(one, workload, held_out, own, target, layout)]
            self._reference.forget([target, *(one.inputs for one in sets)])

    def _draw(self, workload: Workload, checked: bool) -> CheckedSet:
        """Inputs, with their oracle if somebody is to be checked."""
        seed = int(self._rng.integers(1 << 62))
        if checked:
            return draw_checked(self._problem, workload, self._reference, seed)
        layout = input_layout(self._problem, workload)
        inputs = SharedBuffer(layout.size_bytes)
        fill(inputs, layout, self._problem, workload, seed, self._reference)
        return CheckedSet(inputs, layout, (), (), seed)

    def _meet(
        self,
        pretender: Pretender,
        workload: Workload,
        held_out: bool,
        checked: CheckedSet,
        target: SharedBuffer,
        layout: Layout,
    ) -> bool:
        """One pretender at one check; whether it was let through."""
        laid = poison(target, layout, self._rng)
        absent = self._reference.pretend(pretender, target, [region.offset for region in layout.regions])
        if absent:
            self._absent[pretender] = absent
            return False
        found, rejection = inspect(target, layout, laid, checked.expected)
        guard = rejection[0] if rejection else ""
        self._met[pretender].append(Encounter(str(workload), held_out, guard, found.max_rel_error))
        return not guard

    def _eager_ns(self, workload: Workload, checked: CheckedSet) -> float:
        """Shortest of a few calls of the reference, by the parent's clock: the machine may be busy."""
        times = []
        for _ in range(EAGER_CALLS):
            self._reference.stage("eager", workload, checked.inputs, [checked.offsets])
            times.append(self._reference.run(CALL_SECONDS))
        return float(min(times))
