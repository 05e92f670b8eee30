"""The words around the figures: what was reached, what was checked, where it was measured, what it cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from warploom.report.evaluation import BASELINES
from warploom.report.html.figures.roofline import size_words
from warploom.report.html.story import Story
from warploom.report.progress import clock_face
from warploom.search.noise import percent
from warploom.values.speedup import Workloads, over_workloads

Row = tuple[str, str]


@dataclass(frozen=True)
class Claim:
    """The speedup over one baseline.

    Attributes:
        title: the baseline as people call it.
        found: over the workloads; None where it was not timed.
        missing: why not.
        workloads: how many were timed.
    """

    title: str
    found: Workloads | None
    missing: str
    workloads: int


def headline(story: Story) -> list[Claim]:
    """What is claimed of the promoted kernel, baseline by baseline; [] before there is one."""
    if story.passed is None:
        return []
    return [
        Claim(
            title,
            over_workloads(story.passed.timings, name),
            story.absent.get(name, ""),
            len({timing.workload for timing in story.passed.timings if timing.baseline == name}),
        )
        for name, title in BASELINES.items()
    ]


def checks_words(story: Story) -> str:
    """What the best kernel was checked with, one sentence; "" before there is one."""
    if story.passed is None:
        return ""
    checks = story.passed.verdict.checks
    held_out = sum(check.held_out for check in checks)
    worst = max((check.max_rel_error for check in checks), default=0.0)
    return (
        f"{len(checks)} calls were compared with the reference in double precision, {held_out} of them on shapes and "
        f"inputs that the search never saw. The largest error was {worst:.2g} of what is allowed."
    )


def environment_rows(story: Story) -> list[Row]:
    """Where and with what it was measured."""
    said = story.history.environment
    hardware, reference = _part(said, "hardware"), _part(said, "reference")
    sandbox, calibration = _part(said, "sandbox"), _part(said, "calibration")
    rows: list[Row] = []

    def add(name: str, value: object) -> None:
        if value not in (None, "", [], ()):
            rows.append((name, str(value)))

    add("processor", hardware.get("cpu"))
    add("cores", hardware.get("cores"))
    memory = hardware.get("memory_bytes")
    add("memory", size_words(float(memory)) if isinstance(memory, int | float) else None)
    add("compiler", story.passed.build.toolchain if story.passed else said.get("toolchain"))
    add("compiled with", " ".join(story.passed.build.command) if story.passed else None)
    add("PyTorch", reference.get("torch"))
    add("threads", reference.get("threads"))
    add("clock", said.get("clock"))
    add("noise floor", percent(story.noise_floor) if story.noise_floor else None)
    add("calibration", calibration.get("id"))
    add("sandbox", sandbox.get("jail"))
    gaps = sandbox.get("gaps")
    add("not protected", "; ".join(map(str, gaps)) if isinstance(gaps, list) else None)
    fraction = story.history.best.roofline if story.history.best else None
    add("share of the machine's limit", f"{fraction:.0%}" if fraction is not None else None)
    busy = story.busy
    add("machine at work for others", f"{busy:.0%}" if isinstance(busy, int | float) else None)
    add("Warploom", story.history.started.version)
    mint = story.passed.mint if story.passed else None
    add("kernel", f"{mint.candidate} (candidate), sha256 {mint.artifact[:16]}… (as built)" if mint else None)
    add("problem", mint.problem if mint else None)
    return rows


def spent_rows(story: Story) -> list[Row]:
    """What the run cost: time, candidates, models."""
    tally, models = story.history.tally, story.models
    again = len({trial.event.candidate for trial in story.history.trials})
    time = clock_face(story.history.seconds) + (" h" if story.history.seconds >= 3600 else " min")
    if story.history.sittings > 1:
        time += f", in {story.history.sittings} sittings"
    rows = [
        ("time", time),
        ("candidates judged", f"{tally.evaluations:,}, of which {tally.passed:,} passed"),
        ("proposals that were known already or impossible", f"{tally.declined:,}"),
        ("measured again", f"{again:,}, of which {tally.promotions:,} promoted"),
    ]
    if said := models.line():
        rows.append(("language models", said))
        for name, one in models.to_object()["by_model"].items():
            price = "price unknown" if one["unpriced"] else f"${one['usd']:.4f}"
            told = f"{one['tokens']:,} tokens, {one['requests']:,} requests, {price}"
            rows.append((f"· {name}", f"{told}; {one['proposed']:,} candidates, {one['improved']:,} became the best"))
    else:
        rows.append(("language models", "none were asked: no tokens, no dollars"))
    return rows


def _part(environment: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = environment.get(name)
    return found if isinstance(found, Mapping) else {}
