"""What became of a claimed speedup here, as the JSON object of ``warploom verify`` and as text."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from warploom.report.evaluation import cautions, evaluation_object, render, speedup_object
from warploom.search.best.recheck import Recheck
from warploom.values.outcome import Failed
from warploom.values.standing import Standing

SAID: dict[Standing, tuple[str, str]] = {
    "holds": ("green", "The claim holds here"),
    "weaker here": ("yellow", "The claim is weaker here: faster than PyTorch eager, but less than claimed"),
    "undecided": ("yellow", "Undecided: this machine is too noisy now to say whether it is faster; try again"),
    "does not hold": ("red", "The claim does not hold here"),
}


def recheck_object(found: Recheck) -> dict[str, Any]:
    """The object that ``warploom verify --json`` prints.

    Returns:
        ``standing`` (one of :data:`warploom.values.standing.Standing`), ``claim`` as the evidence states it, ``here``
        (what ``warploom judge --json`` says of the kernel), ``claimed`` and ``measured`` (the speedups over eager that
        were compared, ``measured`` null when it failed), ``noise_floor``, and ``differences`` between the machines.
    """
    return {
        "evidence": str(found.evidence.path),
        "candidate": found.evidence.document["candidate"],
        "standing": found.standing,
        "claimed": speedup_object(found.evidence.claimed),
        "measured": speedup_object(found.here),
        "noise_floor": found.noise_floor,
        "differences": [{"name": one.name, "there": one.there, "here": one.here} for one in found.differences],
        "claim": found.evidence.document["claim"],
        "here": evaluation_object(found.evaluation),
    }


def render_recheck(found: Recheck) -> RenderableType:
    """The claim, what was measured, the verdict, and what differs."""
    style, words = SAID[found.standing]
    if isinstance(found.evaluation, Failed):
        words += f": the kernel failed here ({found.evaluation.kind})"
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_row("claimed", f"{found.evidence.claimed} the speed of PyTorch eager")
    grid.add_row("here", f"{found.here} the speed of PyTorch eager" if found.here else "it failed")
    parts: list[RenderableType] = [Text(words, style=f"bold {style}"), grid]
    parts += cautions(found.evidence.document["claim"], "claimed from what was measured")
    if found.differences:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for name in ("differs", "there", "here"):
            table.add_column(name, overflow="fold")
        for one in found.differences:
            table.add_row(one.name, Text(one.there), Text(one.here))
        parts += [Text(), table]
    else:
        parts += [Text("the same processor, compiler and PyTorch as there", style="dim")]
    return Group(*parts, Text(), render(found.evaluation))
