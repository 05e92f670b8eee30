"""A build for GPUs that need not be present: as the JSON object of ``warploom build`` and as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from warploom.judge.correctness.interpreted import Interpreted
from warploom.values.outcome import Build, Failed
from warploom.values.target import Target

BUILT = "built"
"""The status of what a compiler took: nobody has seen it run, so it has not passed, and it has no speedup."""

COLUMNS: tuple[tuple[str, str], ...] = (
    ("registers", "registers"),
    ("spill_bytes", "spilt B"),
    ("shared_bytes", "shared B"),
    ("threads", "threads"),
    ("occupancy_percent", "occupancy %"),
    ("matrix_instructions", "matrix"),
    ("instructions", "instructions"),
)


def build_object(made: Build | Failed, target: Target, checked: Interpreted | None) -> dict[str, Any]:
    """The build as plain values: status, and for each architecture whether it builds and its facts."""
    if isinstance(made, Failed):
        return {
            "status": "failed",
            "stage": made.stage,
            "kind": made.kind,
            "message": made.message,
            "log": made.log_tail,
        }
    names = [one.name for one in target.architectures]
    found: dict[str, Any] = {
        "status": BUILT,
        "toolchain": made.toolchain,
        "artifact": made.artifact,
        "sha256": made.sha256,
        "built": made.facts["targets_built"],
        "of": made.facts["targets"],
        "architectures": {name: _facts(made, name) for name in names},
        "remarks": made.log.splitlines(),
    }
    if checked is not None:
        found["checked"] = {
            "how": checked.how,
            "right": checked.right,
            "workloads": len(checked.checks),
            "left_out": checked.left_out,
            "message": checked.failed.message if checked.failed else "",
        }
    return found


def render_build(made: Build | Failed, target: Target, checked: Interpreted | None) -> RenderableType:
    """The build for people."""
    if isinstance(made, Failed):
        lines = [Text(f"{made.stage}: {made.kind}: {made.message}", style="bold red")]
        return Group(*lines, Text(made.log_tail.rstrip())) if made.log_tail else lines[0]
    table = Table(box=None, pad_edge=False)
    table.add_column("target")
    for _, title in COLUMNS:
        table.add_column(title, justify="right")
    for one in target.architectures:
        facts = _facts(made, one.name)
        cells = [str(facts[name]) if name in facts else "–" for name, _ in COLUMNS]
        table.add_row(one.name, *cells, style="" if facts["builds"] else "dim")
    head = f"built for {made.facts['targets_built']} of {made.facts['targets']} targets by {made.toolchain}"
    parts: list[RenderableType] = [Text(head, style="bold"), table]
    parts += [Text(line, style="yellow") for line in made.log.splitlines()]
    parts += _checked_lines(checked)
    parts.append(Text("Built is not passed: nothing ran on a GPU, so nothing is known of its speed.", style="dim"))
    return Group(*parts)


def _checked_lines(checked: Interpreted | None) -> Sequence[RenderableType]:
    if checked is None:
        return ()
    if checked.failed:
        return (Text(f"wrong: {checked.failed.message}", style="bold red"),)
    beside = f", {checked.left_out} left out" if checked.left_out else ""
    return (Text(f"right in {len(checked.checks)} workloads{beside} ({checked.how})", style="green"),)


def _facts(made: Build, name: str) -> dict[str, int]:
    return {fact.partition(".")[2]: value for fact, value in made.facts.items() if fact.partition(".")[0] == name}
