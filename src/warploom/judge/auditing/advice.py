"""What to change in a problem that its audit found wanting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from warploom.values.audit import Finding, Trial
from warploom.values.problem import Problem, Workload

SHORTEST_NS, LONGEST_NS = 1e6, 50e6
"""A timed eager call of this length is measured well and does not eat the budget."""

TOLD_APART = 4.0
"""A tolerance that is to catch a pretender is best this far below its error."""


def advise(problem: Problem, trial: Trial) -> str:
    """What would let the judge catch a pretender that survived."""
    rule, family = trial.pretender.rule, trial.pretender.family
    if rule in _CASES:
        return _CASES[rule]
    if family == "precision":
        return _about_tolerance(problem, trial)
    if family == "part":
        return (
            "what it leaves out weighs less than the tolerance: add a held_out workload in which that axis is short, "
            f"or recipe='offset', so that every term counts; or {_about_tolerance(problem, trial)}"
        )
    return (
        "the outputs hardly depend on what it ignores: draw inputs of another size (Tensor(scale=…)), add held_out "
        f"workloads with recipe='wide' or 'spikes'; or {_about_tolerance(problem, trial)}"
    )


_CASES: dict[str, str] = {
    "timed_only": "add held_out workloads of other shapes: size 1 on some axis, odd sizes",
    "even_only": "add a held_out workload whose sizes are no multiples of 8, such as 37 or 1023",
    "recipes_only": "add held_out workloads with another recipe: 'wide', 'offset', 'spikes', 'large' or 'tiny'",
}


def _about_tolerance(problem: Problem, trial: Trial) -> str:
    wanted = problem.tolerance
    if trial.units <= 0:
        return "no tolerance tells it from the right answer on these workloads: change the workloads"
    said = f"its largest error is {trial.units:.2g} of the tolerance"
    if wanted.absolute or wanted.relative:
        return f"{said}: lower absolute={wanted.absolute:g} and relative={wanted.relative:g}, or drop them"
    return f"{said}: Tolerance(factor={wanted.factor * trial.units / TOLD_APART:.2g}) would catch it"


def findings(problem: Problem, facts: Mapping[Workload, Mapping[str, Any]]) -> tuple[Finding, ...]:
    """What is wrong with the problem as such, grave things first.

    Args:
        problem: the problem.
        facts: by workload, what :func:`warploom.judge.reference.pretend.examine` said, and ``eager_ns``.
    """
    found = [*_of_reference(problem, facts), *_of_workloads(problem, facts)]
    return tuple(sorted(found, key=lambda finding: not finding.grave))


def _of_reference(problem: Problem, facts: Mapping[Workload, Mapping[str, Any]]) -> list[Finding]:
    found = []
    changing = [str(workload) for workload, fact in facts.items() if not fact["repeats"]]
    if changing:
        found.append(
            Finding(
                True,
                f"the reference gives different answers to the same inputs ({changing[0]})",
                "make it a function of its arguments alone: nothing drawn inside, no state, deterministic algorithms",
            )
        )
    narrow = [fact["narrow"] for fact in facts.values()]
    if narrow and all(narrow):
        found.append(
            Finding(
                True,
                f"the float64 oracle is none: {narrow[0]}",
                "take dtypes from the inputs (weight.to(x.dtype)) and never name one",
            )
        )
    for workload, fact in facts.items():
        if fact["not_finite"] and workload.recipe not in ("special", "zeros"):
            found.append(
                Finding(
                    workload in problem.workloads,
                    f"{fact['not_finite']} of {fact['elements']} output elements are NaN or infinite at {workload}",
                    "such elements tell right from wrong only by their kind: draw smaller inputs (Tensor(scale=…), "
                    "positive=True) or another recipe",
                )
            )
    return found


def _of_workloads(problem: Problem, facts: Mapping[Workload, Mapping[str, Any]]) -> list[Finding]:
    found = []
    for workload in dict.fromkeys(problem.workloads):
        eager = facts[workload]["eager_ns"]
        if not SHORTEST_NS <= eager <= LONGEST_NS:
            shorter = eager < SHORTEST_NS
            found.append(
                Finding(
                    False,
                    f"a call of PyTorch takes {eager / 1e6:.2g} ms at {workload}",
                    f"1 to 50 ms are measured best: use {'larger' if shorter else 'smaller'} axes",
                )
            )
    recipes = {workload.recipe for workload in (*problem.workloads, *problem.held_out)}
    if "special" not in recipes:
        found.append(
            Finding(
                False,
                "no workload has NaN or infinities among its inputs: a kernel that swallows them passes",
                "add a held_out workload with recipe='special' if the reference defines the answer",
            )
        )
    if problem.axes and not any(1 in workload.extents.values() for workload in problem.held_out):
        found.append(
            Finding(False, "no held-out workload has an axis of length 1", "add one: empty remainders are found there")
        )
    return found
