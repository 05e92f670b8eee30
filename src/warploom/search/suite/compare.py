"""Several benchmarks side by side: on the problems that all of them had, and what is not alike between them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warploom.errors import ConfigError
from warploom.search.suite.bench import Results, read_results
from warploom.search.suite.row import Ends, Row
from warploom.search.suite.score import BASELINES, Score, interval_of_mean, score

MACHINE: tuple[str, ...] = ("processor", "cores", "compiler", "torch", "threads")
"""What must be alike for times to be comparable."""


@dataclass(frozen=True)
class Ratio:
    """A benchmark over the first one, on the problems where both have a figure.

    Attributes:
        ends: geometric mean of the ratios of speedups, with its 95 % interval; None without a problem in common.
        problems: how many problems that is.
        better: those that are faster for sure: the interval of the ratio lies above 1.
        worse: those that are slower for sure.
    """

    ends: Ends | None
    problems: int
    better: tuple[str, ...]
    worse: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """Benchmarks side by side.

    Attributes:
        results: each as it stands, the first is what the others are compared with.
        common: ids of the problems that all of them had, the same problem by its hash, in the order of the first.
        scores: over those problems, one a benchmark.
        ratios: baseline → one a benchmark, the first over itself left out.
        differences: what is not alike, in words.
    """

    results: tuple[Results, ...]
    common: tuple[str, ...]
    scores: tuple[Score, ...]
    ratios: dict[str, tuple[Ratio, ...]]
    differences: tuple[str, ...]

    def row(self, number: int, name: str) -> Row:
        """The line of a common problem in one of the benchmarks."""
        return next(row for row in self.results[number].rows if row.id == name)


def compare(folders: Sequence[Path]) -> Comparison:
    """Read benchmarks and set them side by side.

    Raises:
        ConfigError: fewer than two, one of them is none, or they have no problem in common.
    """
    if len(folders) < 2:
        raise ConfigError("compare needs two benchmarks or more: warploom bench compare DIR DIR")
    results = tuple(read_results(folder) for folder in folders)
    known = [{row.id: row for row in one.rows if row.status != "quarantined"} for one in results]
    common = tuple(name for name, row in known[0].items() if all(_same(row, other.get(name)) for other in known[1:]))
    if not common:
        raise ConfigError(f"{' and '.join(map(str, folders))} have no problem in common")
    chosen = [[one[name] for name in common] for one in known]
    ratios = {name: tuple(_ratio(chosen[0], rows, name) for rows in chosen[1:]) for name in BASELINES}
    return Comparison(results, common, tuple(map(score, chosen)), ratios, _differences(results, len(common)))


def _same(row: Row, other: Row | None) -> bool:
    """Whether two lines are about one problem; what was never loaded is known by its name alone."""
    return other is not None and (row.problem == other.problem or not (row.problem and other.problem))


def _ratio(rows: Sequence[Row], others: Sequence[Row], baseline: str) -> Ratio:
    known: dict[str, Ends] = {}
    for row, other in zip(rows, others, strict=True):
        if baseline in row.speedup and baseline in other.speedup:
            known[row.id] = _over(other.speedup[baseline], row.speedup[baseline])
    if not known:
        return Ratio(None, 0, (), ())
    middle = math.exp(sum(math.log(one[0]) for one in known.values()) / len(known))
    low, high = interval_of_mean(list(known.values()), len(known))
    better = tuple(name for name, one in known.items() if one[1] > 1)
    worse = tuple(name for name, one in known.items() if one[2] < 1)
    return Ratio((middle, low, high), len(known), better, worse)


def _over(own: Ends, other: Ends) -> Ends:
    """The ratio of two speedups that were measured apart: the distances to their ends add up in squares."""
    centre = math.log(own[0] / other[0])
    down = math.hypot(_log(own[0], own[1]), _log(other[2], other[0]))
    up = math.hypot(_log(own[2], own[0]), _log(other[0], other[1]))
    return math.exp(centre), math.exp(centre - down), math.exp(centre + up) if math.isfinite(up) else math.inf


def _log(above: float, below: float) -> float:
    return math.log(above / below) if below > 0 and math.isfinite(above) else math.inf


def _differences(results: Sequence[Results], common: int) -> tuple[str, ...]:
    """What is not alike: machine, settings, problems."""
    found = []
    for name in MACHINE:
        values = [
            sorted({str(row.environment[name]) for row in one.rows if name in row.environment}) for one in results
        ]
        if any(one != values[0] for one in values):
            found.append(f"{name}: {' | '.join(', '.join(one) or 'unknown' for one in values)}")
    keys: dict[str, Any] = {}
    for one in results:
        keys |= dict.fromkeys(one.plan.asked)
    for key in keys:
        settings = [one.plan.asked.get(key) for one in results]
        if any(one != settings[0] for one in settings):
            found.append(f"{key}: {' | '.join(str(one) for one in settings)}")
    counts = [len(one.rows) for one in results]
    if any(count != common for count in counts):
        found.append(f"problems: {' | '.join(map(str, counts))}; compared on the {common} that all of them have")
    found += [f"{one.folder} has not ended" for one in results if not one.finished]
    return tuple(found)


def _stated(results: Results, name: str) -> list[str]:
    """What the runs of a benchmark say of their machine, each value once."""
    return sorted({str(row.environment[name]) for row in results.rows if name in row.environment})
