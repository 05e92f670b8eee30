"""An audit as the JSON object of ``warploom audit`` and as text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from warploom.values.audit import FAMILIES, Audit, Finding, Trial

HUGE = 1e6
"""An error of so many tolerances needs no number."""


def audit_object(audit: Audit, advice: Mapping[str, str]) -> dict[str, Any]:
    """The object that ``warploom audit --json`` prints.

    Args:
        audit: what was found.
        advice: title of a survivor → what to change.
    """
    return {
        "problem": audit.problem,
        "hash": audit.hash,
        "passed": audit.passed,
        "pretenders": len(audit.trials),
        "survivors": [trial.pretender.title for trial in audit.survivors],
        "findings": [
            {"grave": finding.grave, "what": finding.what, "advice": finding.advice} for finding in audit.findings
        ],
        "trials": [_trial_object(trial, advice) for trial in audit.trials],
    }


def _trial_object(trial: Trial, advice: Mapping[str, str]) -> dict[str, Any]:
    return {
        "pretender": trial.pretender.title,
        "family": trial.pretender.family,
        "survived": trial.survived,
        "caught_at": list(trial.caught_at),
        "met_at": list(trial.met_at),
        "largest_error_in_tolerances": trial.units if math.isfinite(trial.units) else None,
        "absent": trial.absent,
        "advice": advice.get(trial.pretender.title, ""),
    }


def render_audit(audit: Audit, advice: Mapping[str, str]) -> RenderableType:
    """The audit for people: the verdict, what is wrong with the problem as such, a line a pretender, then advice."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("pretender", overflow="fold")
    table.add_column("verdict", no_wrap=True)
    table.add_column("caught at", justify="right", no_wrap=True)
    table.add_column("error / tolerance", justify="right", no_wrap=True)
    for family, title in FAMILIES.items():
        trials = [trial for trial in audit.trials if trial.pretender.family == family]
        if trials:
            table.add_row(Text(title, style="dim"))
        for trial in trials:
            table.add_row(f"  {trial.pretender.title}", *_cells(trial))
    met = [trial for trial in audit.trials if trial.encounters]
    caught = len(met) - len(audit.survivors)
    counts = f"{caught} of {len(met)} pretenders caught"
    absent = len(audit.trials) - len(met)
    rest = f", {absent} do not apply" if absent else ""
    verdict = Text.assemble(
        (audit.problem, "bold"),
        ": ",
        ("passed", "bold green") if audit.passed else ("wanting", "bold red"),
        f": {counts}{rest}",
    )
    wrong = [finding for finding in audit.findings if finding.grave]
    remarks = [finding for finding in audit.findings if not finding.grave]
    lines: list[RenderableType] = [verdict, *_finding_lines(wrong), Text(), table]
    for trial in audit.survivors:
        title = trial.pretender.title
        lines.append(Text.assemble(("\nsurvives: ", "bold red"), f"{title}\n  ", advice.get(title, "")))
    return Group(*lines, *_finding_lines(remarks))


def _cells(trial: Trial) -> tuple[Text | str, ...]:
    if not trial.encounters:
        return Text("does not apply", style="dim"), "", ""
    where = f"{len(trial.caught_at)} of {len(trial.met_at)}"
    if trial.survived:
        return Text("survives", style="bold red"), where, f"{trial.units:.2g}"
    return Text("caught", style="green"), where, f"{trial.units:.3g}" if trial.units < HUGE else "huge"


def _finding_lines(findings: Sequence[Finding]) -> list[Text]:
    return [
        Text.assemble(
            ("\nwrong: ", "bold red") if finding.grave else ("\nremark: ", "yellow"),
            f"{finding.what}\n  {finding.advice}",
        )
        for finding in findings
    ]
