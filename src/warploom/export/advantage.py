"""Whether exported kernels are still right, and still faster than the PyTorch that is here now."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from warploom.errors import SourceError
from warploom.export.gather import Variant, find_evidence, shape_of
from warploom.export.manifest import FILE as MANIFEST
from warploom.judge.protocol import Judge
from warploom.search.best.evidence import FILE, read_evidence
from warploom.search.best.recheck import Recheck, recheck
from warploom.values.outcome import Passed, Timing
from warploom.values.problem import Workload
from warploom.values.speedup import Speedup, workload_speedup

Verdict = Literal["faster", "undecided", "not faster", "failed"]
"""``faster``: right, and faster than the baseline beyond the noise floor. ``undecided``: right, and the interval leaves
it open. ``not faster``: right, and the advantage is gone. ``failed``: it does not build, does not end or is wrong."""

ORDER: tuple[Verdict, ...] = ("faster", "undecided", "not faster", "failed")


@dataclass(frozen=True)
class ShapeAdvantage:
    """One shape of the table: what was claimed, and what was measured here."""

    workload: Workload
    baseline: str
    claimed: Speedup
    here: Speedup | None
    verdict: Verdict


@dataclass(frozen=True)
class Advantage:
    """What became of one exported kernel."""

    found: Recheck
    shapes: tuple[ShapeAdvantage, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of its shapes."""
        return worst(shape.verdict for shape in self.shapes) if isinstance(self.found.evaluation, Passed) else "failed"


def worst(verdicts: Any) -> Verdict:
    """The worst of several verdicts; "faster" of none."""
    return max(verdicts, key=ORDER.index, default="faster")


def find_kernels(place: Path) -> list[Path]:
    """The evidence of every kernel in an export, an installed package, a run or a folder of those; each kernel once.

    Raises:
        SourceError: there is none.
    """
    one = find_evidence(place)
    if one.is_file() or (one / FILE).is_file():
        return [one]
    found: dict[str, Path] = {}
    for path in sorted(place.rglob(FILE)):
        found.setdefault(str(read_evidence(path).document["candidate"]), path)
    if not found:
        raise SourceError(f"{place} holds no exported kernel: there is no {FILE} in it")
    return list(found.values())


def advantage(variant: Variant, over: str, judge: Judge, description: Mapping[str, Any]) -> Advantage:
    """Judge the kernel anew and compare it, shape by shape, with the baseline.

    Args:
        variant: the exported kernel.
        over: the baseline; "" for the one that the export was made over.
        judge: of this machine, for the kernel's problem.
        description: what that judge says of itself.

    Raises:
        SourceError: the export's table names a shape that the evidence does not hold.
    """
    shapes, over = _table(variant, over)
    found = recheck(variant.evidence, judge, description)
    here = _timed(found.evaluation.timings, over) if isinstance(found.evaluation, Passed) else {}
    claimed = _timed(variant.evidence.timings, over)
    compared = []
    for shape in shapes:
        if shape not in claimed:
            raise SourceError(f"{variant.evidence.path}: {dict(shape)} was not timed over {over}, but the table has it")
        measured = here.get(shape)
        compared.append(
            ShapeAdvantage(
                shape_of(variant.problem, Workload(recipe="normal", **dict(shape))),
                over,
                claimed[shape],
                measured,
                _verdict(measured, found.noise_floor),
            )
        )
    return Advantage(found, tuple(compared))


_Shape = tuple[tuple[str, int], ...]
"""Axes and lengths, sorted by name."""


def _verdict(here: Speedup | None, floor: float) -> Verdict:
    if here is None:
        return "failed"
    if here.low > 0 and math.log(here.low) > floor:
        return "faster"
    return "undecided" if math.log(here.high) > floor else "not faster"


def _timed(timings: Sequence[Timing], baseline: str) -> dict[_Shape, Speedup]:
    """Shape → speedup; the slowest recipe where a shape was timed with several."""
    found: dict[_Shape, Speedup] = {}
    for timing in timings:
        if timing.baseline == baseline:
            shape, value = _shape(timing.workload.extents), workload_speedup(timing)
            if shape not in found or value.low < found[shape].low:
                found[shape] = value
    return found


def _table(variant: Variant, over: str) -> tuple[list[_Shape], str]:
    """The shapes that the export dispatches to this kernel, and the baseline it was made over.

    Evidence outside of an export stands for every shape that it was timed on.
    """
    folder = variant.evidence.path.parent
    for path in (folder / MANIFEST, folder.parent.parent / MANIFEST):
        if not path.is_file():
            continue
        try:
            manifest = json.loads(path.read_bytes())
            if manifest["name"] != variant.problem.name:
                continue
            rows = [row for row in manifest["table"] if row["variant"] == variant.id]
            shapes, over = [_shape(row["axes"]) for row in rows], over or str(manifest["over"])
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise SourceError(f"{path} is no manifest of an export: {type(error).__name__}: {error}") from None
        if not shapes:
            raise SourceError(f"{path}: no shape of the table runs the kernel {variant.id}, which lies beside it")
        return shapes, over
    over = over or "eager"
    return list(_timed(variant.evidence.timings, over)), over


def _shape(axes: Mapping[str, int]) -> _Shape:
    return tuple(sorted(axes.items()))
