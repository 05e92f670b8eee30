"""Whether the tolerance tells float32 work from half precision, problem by problem.

    python benchmarks/precision.py                                # every problem of the catalog
    python benchmarks/precision.py --problems softmax,rope --draws 1

Two sides, both in units of the tolerance, both on every workload of a problem, held-out ones too:

*Honest* kernels: the seed built three ways (sums one after another, with fused multiply-add, and reassociated in vector
lanes), the same with its sums reversed and in random order, everything the moves make of the seed with their usual
composites (blocks of 256, several accumulators, register blocks, online sums, polynomial exponentials), and PyTorch
itself with its sums reversed and in random order. Their largest error must be below 1 on every check.

*Shortcuts*: inputs, products, outputs or everything in bfloat16, float16 or tfloat32. A candidate has to pass every
check, so what counts is a shortcut's largest error over the workloads: it must be above 1.

An order of a sum is changed by permuting an axis of the inputs; whether that is allowed is found out in float64. The
last column is how many bits of significand a kernel's inputs need to pass, of float32's 24. Prints a Markdown table and
writes JSON.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import sys
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.honest_kernels import Kernel, Stand, kernels
from benchmarks.sum_orders import Plain, drawn, orders, summed_axes

from warploom.judge.auditing.pretenders import pretenders
from warploom.judge.comparison.tolerance import Calibrated, Function, calibrate
from warploom.judge.reference.pretend import Absent, Scene, pretend
from warploom.judge.reference.rounding import round_significand
from warploom.problems.cache import cache_directory
from warploom.problems.load import catalog_names, load_problem, locate
from warploom.problems.native import execute
from warploom.toolchain.cpp import CppToolchain
from warploom.values.problem import Problem, Workload

RESULTS = Path(__file__).parent / "results" / "precision.json"
FEWEST_BITS, ALL_BITS = 8, 24
"""Significands of bfloat16 and float32."""


@dataclass
class Worst:
    """Largest error seen, and where."""

    units: float = 0.0
    at: str = ""

    def see(self, units: float, at: str) -> None:
        """Keep the larger one."""
        if units > self.units:
            self.units, self.at = units, at


@dataclass
class Row:
    """What was found for one problem; errors in units of the tolerance."""

    problem: str
    factor: float
    honest: dict[str, Worst] = field(default_factory=dict)
    shortcuts: dict[str, Worst] = field(default_factory=dict)
    bits: int = FEWEST_BITS
    failed: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    def worst_honest(self) -> tuple[str, Worst]:
        """The honest kernel that came nearest to being rejected."""
        return max(self.honest.items(), key=lambda item: item[1].units)

    def nearest_shortcut(self) -> tuple[str, Worst]:
        """The shortcut that came nearest to being missed."""
        return min(self.shortcuts.items(), key=lambda item: item[1].units)


def measure(name: str, draws: int, cache: Path, seed: int) -> Row:
    """Every honest kernel and every shortcut of a problem, on all its workloads."""
    begin = time.monotonic()
    problem = execute(locate(name))
    reference = problem.reference
    assert callable(reference)

    def function(*tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (reference(*tensors),)

    row = Row(name, problem.tolerance.factor)
    built = kernels(name, cache)
    rng = np.random.default_rng(seed)

    def serial(tensors: Sequence[torch.Tensor], workload: Workload) -> torch.Tensor | None:
        with closing(Stand(problem, workload, tensors)) as stand:
            answer = built[0](stand)
            kept = None if answer is None else answer.clone()
            del answer  # it lies in the stand's memory, which is given back now
            return kept

    axes = summed_axes(problem, function, serial, rng)
    for workload in (*problem.held_out, *problem.workloads):
        for _ in range(draws if workload in problem.workloads else 3 * draws):
            tensors, others = (drawn(problem, workload, rng) for _ in range(2))
            (found,) = calibrate(function, tensors, problem, workload.extents, int(rng.integers(1 << 62)))
            _see_honest(row, problem, function, built, serial, axes, tensors, workload, found, rng)
            _see_shortcuts(row, Scene(problem, workload, function, tensors, others), found)
    row.failed = {kernel.title: kernel.failed for kernel in built if kernel.failed}
    for kernel in built:
        kernel.close()
    row.seconds = time.monotonic() - begin
    return row


def _see_honest(
    row: Row,
    problem: Problem,
    function: Function,
    built: Sequence[Kernel],
    serial: Plain,
    axes: Sequence[str],
    tensors: Sequence[torch.Tensor],
    workload: Workload,
    found: Calibrated,
    rng: np.random.Generator,
) -> None:
    def see(title: str, answer: torch.Tensor | None) -> None:
        if answer is not None:
            row.honest.setdefault(title, Worst()).see(units(answer, found), str(workload))

    with closing(Stand(problem, workload, tensors)) as stand:
        for kernel in built:
            see(kernel.title, kernel(stand))
    for order, inputs, put_back in orders(problem, function, tensors, workload, axes, rng, check=False):
        see(f"PyTorch, {order}", put_back(function(*inputs)[0]))
        answer = serial(inputs, workload)
        see(f"{built[0].title}, {order}", None if answer is None else put_back(answer))


def _see_shortcuts(row: Row, scene: Scene, found: Calibrated) -> None:
    at = str(scene.workload)
    for pretender in pretenders(scene.problem):
        if pretender.family == "precision":
            try:
                (answer,) = pretend(scene, pretender.rule, pretender.arguments)
            except Absent:
                continue
            row.shortcuts.setdefault(pretender.title, Worst()).see(units(answer, found, kinds=False), at)

    def passes(bits: int) -> bool:
        rounded = [round_significand(one, bits) if one.is_floating_point() else one for one in scene.tensors]
        return units(scene.function(*rounded)[0], found, kinds=False) <= 1

    row.bits = max(row.bits, fewest_bits(passes))


def fewest_bits(passes: Callable[[int], bool]) -> int:
    """Smallest significand that passes a check, found by halving: what passes with some bits passes with more."""
    return FEWEST_BITS + bisect_left(range(FEWEST_BITS, ALL_BITS), True, key=passes)


def units(answer: torch.Tensor, found: Calibrated, kinds: bool = True) -> float:
    """Largest error of a finite element in units of the tolerance.

    Args:
        answer: of a kernel or shortcut.
        found: what it should be.
        kinds: whether NaN or an infinity in the wrong place counts as an infinite error. For a shortcut it does not:
            one that handles them by the book is to be caught by its rounding alone.
    """
    own, wanted = answer.reshape(-1), torch.from_numpy(found.expected)
    off = (own - wanted).abs_().div_(torch.from_numpy(found.tolerance))
    worst = float(off.max())
    if math.isfinite(worst):
        return worst
    right = _alike(own, wanted)
    if found.otherwise is not None:
        right |= _alike(own, torch.from_numpy(found.otherwise))
    if kinds and not bool(right.all()):
        return math.inf
    return float(torch.where(own.isfinite() & wanted.isfinite(), off, 0.0).max())


def _alike(own: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Where both are finite, both NaN, or the same infinity."""
    return (own.isfinite() & wanted.isfinite()) | (own.isnan() & wanted.isnan()) | (own == wanted)


def table(rows: Iterable[Row]) -> str:
    """The Markdown table: a line a problem."""
    lines = [
        "| problem | factor | honest, at most | nearest honest kernel | shortcut, at least | nearest shortcut | bits |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        honest, worst = row.worst_honest()
        shortcut, nearest = row.nearest_shortcut()
        lines.append(
            f"| {row.problem} | {row.factor:g} | {worst.units:.2f} | {honest} | {_number(nearest.units)} | {shortcut} "
            f"| {row.bits} |"
        )
    return "\n".join(lines)


def _number(value: float) -> str:
    return "∞" if math.isinf(value) else f"{value:.3g}"


def to_object(row: Row) -> dict[str, Any]:
    """The row as JSON values; an infinite error is "inf"."""

    def errors(worst: dict[str, Worst]) -> dict[str, Any]:
        return {
            title: {**asdict(one), "units": one.units if math.isfinite(one.units) else "inf"}
            for title, one in worst.items()
        }

    return {**asdict(row), "honest": errors(row.honest), "shortcuts": errors(row.shortcuts), "hash": problem_hash(row)}


def kept(path: Path, about: dict[str, Any]) -> list[Row]:
    """Rows measured before with the same settings, on problems that have not changed since."""
    try:
        told = json.loads(path.read_text())
    except (OSError, ValueError):
        return []
    if {name: told.get(name) for name in about} != about:
        return []

    def errors(worst: dict[str, Any]) -> dict[str, Worst]:
        return {title: Worst(float(one["units"]), one["at"]) for title, one in worst.items()}

    rows = []
    for one in told["rows"]:
        fields = {**one, "honest": errors(one["honest"]), "shortcuts": errors(one["shortcuts"])}
        was = fields.pop("hash")
        row = Row(**fields)
        if was == problem_hash(row):
            rows.append(row)
    return rows


def problem_hash(row: Row) -> str:
    """Hash of the problem as it is now."""
    return load_problem(row.problem).hash


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--problems", default=",".join(catalog_names()), help="names, with commas (all)")
    parser.add_argument(
        "--draws", type=int, default=1, help="inputs a timed workload; held-out ones have three times as many"
    )
    parser.add_argument("--seed", type=int, default=0, help="of all inputs")
    parser.add_argument("--again", action="store_true", help="measure what is in the results already, too")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the JSON goes")
    options = parser.parse_args(arguments)
    about = {
        "machine": platform.machine(),
        "torch": torch.__version__,
        "capability": torch.backends.cpu.get_cpu_capability(),
        "compiler": CppToolchain().version(),
        "draws": options.draws,
        "seed": options.seed,
    }
    rows = [] if options.again else kept(options.out, about)
    with torch.no_grad():
        for name in options.problems.split(","):
            if name in {row.problem for row in rows}:
                continue
            row = measure(name, options.draws, cache_directory() / "builds", options.seed)
            print(table([row]).splitlines()[-1], f"{row.seconds:.0f} s", file=sys.stderr, flush=True)
            for title, reason in row.failed.items():
                print(f"  not honest: {title}: {reason}", file=sys.stderr, flush=True)
            rows = sorted([*rows, row], key=lambda one: one.problem)
            options.out.parent.mkdir(parents=True, exist_ok=True)
            options.out.write_text(json.dumps({**about, "rows": [to_object(one) for one in rows]}, indent=1) + "\n")
    print(table(rows))
    wrong = [row.problem for row in rows if row.worst_honest()[1].units > 1 or row.nearest_shortcut()[1].units <= 1]
    if wrong:
        print(f"not told apart: {', '.join(wrong)}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
