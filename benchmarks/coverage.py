"""How often the interval of a speedup holds the truth, and what the promotion rule lets in and keeps out.

    python benchmarks/coverage.py                        # the simulation: some minutes, no torch, any machine
    python benchmarks/coverage.py --measure 20           # and 20 real measurements of each known slowdown

The simulation draws log-ratios of pairs from models of the noise of shared machines, and sends them through the judge's
own stopping rule, interval and promotion rule. The noise that ``benchmarks/noise.py`` recorded is cut into stretches of
pairs. The measurement sends a kernel whose slowdown is known (:mod:`warploom.judge.machine.yardstick`) through the real
judge, side by side with itself: fresh processes, fresh inputs.
Writes ``benchmarks/results/coverage.json`` and prints tables; exit 1 when the interval holds the truth too rarely under
noise whose pairs are independent.
"""

from __future__ import annotations

import argparse
import json
import math
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from warploom.judge.evaluate import LocalJudge
from warploom.judge.machine import yardstick
from warploom.judge.promotion import INCUMBENT, promotes
from warploom.judge.timing.sampling import PROMOTE, SCREEN, Plan, enough
from warploom.problems.cache import cache_directory
from warploom.problems.load import load_problem
from warploom.values.job import Job
from warploom.values.outcome import Passed, Timing
from warploom.values.problem import Workload
from warploom.values.speedup import log_ratios, median_interval, speedup, workload_speedup

RESULTS = Path(__file__).parent / "results" / "coverage.json"
RECORDED = Path(__file__).parents[1] / "tests" / "unit" / "judge" / "recorded_noise.json"
NOMINAL = 0.95
ALLOWED = 0.92
"""The interval may hold the truth so rarely: the nominal rate, less what a few hundred series can miss it by."""

PAIRS = (3, 5, 10, 20, 40, 60)
GAINS = (0.0, 0.02, 0.05, 0.10, 0.20)
SLOWDOWNS = (0.0, 0.05, 0.20, 1.0)
SHARES = ("holds", "workloads_hold", "holds_within_floor", "promoted")
SCREEN_PAIR_S, PROMOTE_PAIR_S = 0.012, 0.03
"""How long a pair takes: some milliseconds of calls, and the check of their outputs."""

FLOOR = 0.01
WORKLOADS = 2
Noise = Callable[[random.Random], Iterator[float]]


def independent(draw: Callable[[random.Random], float]) -> Noise:
    """Pairs that know nothing of one another."""

    def series(rng: random.Random) -> Iterator[float]:
        while True:
            yield draw(rng)

    return series


def correlated(share: float, spread: float) -> Noise:
    """An autoregressive series: each value keeps this share of the one before."""

    def series(rng: random.Random) -> Iterator[float]:
        value = rng.gauss(0, spread)
        while True:
            yield value
            value = share * value + rng.gauss(0, spread * math.sqrt(1 - share * share))

    return series


def bursts(rng: random.Random) -> Iterator[float]:
    """A neighbour who works for five pairs at a time, a third of the time."""
    busy = rng.random() < 0.3
    while True:
        yield rng.gauss(0, 0.6 if busy else 0.02)
        busy = rng.random() < (0.8 if busy else 0.085)


def drifts(rng: random.Random) -> Iterator[float]:
    """One side runs up to 1 % slower for a while: the scheduler moved it, its memory lies badly."""
    phase, count = rng.uniform(0, 2 * math.pi), 0
    while True:
        yield 0.01 * math.sin(phase + count / 16) + rng.gauss(0, 0.02)
        count += 1


INDEPENDENT: dict[str, Noise] = {
    "quiet": independent(lambda rng: rng.gauss(0, 0.01)),
    "loaded": independent(lambda rng: rng.gauss(0, 0.7 if rng.random() < 0.3 else 0.03)),
    "heavy tails": independent(lambda rng: 0.02 * rng.gauss(0, 1) / math.sqrt(rng.expovariate(1))),
    "skewed": independent(lambda rng: 0.02 * (rng.expovariate(1) - math.log(2))),
}
"""``heavy tails`` is Student's t with two degrees of freedom. ``loaded`` has the spread, the share of outliers and
their size of pairs that were recorded on a machine of two cores with three busy processes beside the judge."""

DEPENDENT: dict[str, Noise] = {
    "bursts": bursts,
    "correlated 0.3": correlated(0.3, 0.02),
    "correlated 0.6": correlated(0.6, 0.02),
    "drifts": drifts,
}


def paired(values: Iterable[float], baseline: str = INCUMBENT) -> Timing:
    """Samples whose log-ratios are these."""
    values = tuple(values)
    return Timing(Workload(n=1), baseline, (1e6,) * len(values), tuple(1e6 * math.exp(value) for value in values))


def sampled(noise: Noise, rng: random.Random, plan: Plan, pair_s: float, gain: float = 0.0) -> Timing:
    """Pairs of a kernel that is so much faster (a log speedup), until the judge has enough of them."""
    values: list[float] = []
    for value in noise(rng):
        values.append(gain + value)
        timing = paired(values)
        if enough(timing, plan, pair_s * len(values)):
            return timing
    raise AssertionError("noise never ends")


def fixed_coverage(noise: Noise, pairs: int, series: int) -> float:
    """Share of series of so many pairs whose interval holds the truth."""
    rng, held = random.Random(pairs), 0
    for _ in range(series):
        low, high = median_interval([value for value, _ in zip(noise(rng), range(pairs), strict=False)])
        held += low <= 0 <= high
    return held / series


def stopped_coverage(noise: Noise, plan: Plan, pair_s: float, series: int) -> dict[str, float]:
    """The same under the judge's stopping rule, with how many pairs it took and how wide the interval came out."""
    rng, held, counts, widths = random.Random(series), 0, [], []
    for _ in range(series):
        timing = sampled(noise, rng, plan, pair_s)
        found = workload_speedup(timing)
        held += found.low <= 1 <= found.high
        counts.append(len(timing.samples_ns))
        widths.append(math.log(found.high / found.low) / 2)
    return {"coverage": held / series, "pairs": median(counts), "half_width": median(widths)}


def promotion(noise: Noise, gain: float, series: int) -> float:
    """Share of challengers, so much faster than the best, that are promoted when they are measured beside it."""
    rng, promoted = random.Random(round(1000 * gain)), 0
    for _ in range(series):
        timings = [sampled(noise, rng, PROMOTE, PROMOTE_PAIR_S, math.log1p(gain)) for _ in range(WORKLOADS)]
        promoted += promotes(timings, 0.0, FLOOR)
    return promoted / series


def simulate(models: dict[str, Noise], series: int) -> dict[str, Any]:
    """Every model: coverage at fixed numbers of pairs and under the stopping rules, and the share promoted by gain."""
    found: dict[str, Any] = {}
    for name, noise in models.items():
        found[name] = {
            "fixed": {str(pairs): fixed_coverage(noise, pairs, series) for pairs in PAIRS},
            "screen": stopped_coverage(noise, SCREEN, SCREEN_PAIR_S, series),
            "promote": stopped_coverage(noise, PROMOTE, PROMOTE_PAIR_S, series),
            "promoted": {f"{gain:g}": promotion(noise, gain, max(1, series // 2)) for gain in GAINS},
        }
    return found


def recorded(path: Path) -> dict[str, Any]:
    """State of the machine → pairs → share of the recorded stretches of so many pairs whose interval holds 0.

    Args:
        path: what ``benchmarks/noise.py`` recorded of a kernel beside itself.
    """
    found: dict[str, Any] = {}
    for state, record in json.loads(path.read_text())["states"].items():
        timings = [timing for comparison in record["comparisons"] for timing in comparison["timings"]]
        series = [[math.log(b / a) for a, b in zip(t["own_ns"], t["other_ns"], strict=True)] for t in timings]
        found[state] = {}
        for pairs in PAIRS:
            stretches = [one[at : at + pairs] for one in series for at in range(0, len(one) - pairs + 1, pairs)]
            share = sum(low <= 0.0 <= high for low, high in map(median_interval, stretches)) / len(stretches)
            found[state][str(pairs)] = {"stretches": len(stretches), "holds": share}
    return found


def measure(count: int, slowdowns: Sequence[float], cache: Path) -> dict[str, Any]:
    """Known slowdowns through the real judge, so many times each.

    A slowdown is exact as long as the machine lets a waiting kernel wait: where others compete for every core, what
    waits longer is also interrupted longer, and the truth alone that is known for sure is that of no slowdown.
    """
    problem = load_problem(yardstick.PROBLEM_FILE)
    plain = yardstick.kernel(problem)
    rows: list[dict[str, Any]] = []
    with LocalJudge(problem, cache=cache) as judge:
        judge.prepare()
        for _ in range(count):
            for slowdown in slowdowns:
                job = Job(plain, problem.hash, "promote", rival=yardstick.kernel(problem, slowdown))
                evaluation = judge.evaluate(job)
                if not isinstance(evaluation, Passed):
                    raise SystemExit(f"the kernel failed: {evaluation.stage}: {evaluation.kind}: {evaluation.message}")
                rows.append(_row(evaluation, slowdown, judge.noise_floor))
    found = {f"{slowdown:g}": _summary(rows, slowdown) for slowdown in slowdowns}
    return {"noise_floor": rows[0]["floor"], "slowdowns": found, "rows": rows}


def _row(evaluation: Passed, slowdown: float, floor: float) -> dict[str, Any]:
    found, truth = speedup(evaluation.timings, INCUMBENT), math.log1p(slowdown)
    assert found is not None
    low, high = math.log(found.low) - truth, math.log(found.high) - truth
    series = [log_ratios(timing) for timing in evaluation.timings if timing.baseline == INCUMBENT]
    return {
        "slowdown": slowdown,
        "floor": floor,
        "off": math.log(found.median) - truth,
        "half_width": (high - low) / 2,
        "holds": low <= 0 <= high,
        "holds_within_floor": low - floor <= 0 <= high + floor,
        "promoted": promotes(evaluation.timings, 0.0, floor),
        "workloads": [[round(value - truth, 4) for value in values] for values in series],
        "workloads_hold": sum(low <= truth <= high for low, high in map(median_interval, series)) / len(series),
    }


def _summary(rows: Sequence[dict[str, Any]], slowdown: float) -> dict[str, float]:
    own = [row for row in rows if row["slowdown"] == slowdown]
    share = {name: sum(row[name] for row in own) / len(own) for name in SHARES}
    off, half_width = median(abs(row["off"]) for row in own), median(row["half_width"] for row in own)
    return {"count": len(own), **share, "off": off, "half_width": half_width}


def tables(result: dict[str, Any]) -> str:
    """What is printed, in Markdown."""
    heads = [f"{pairs} pairs" for pairs in PAIRS]
    lines = [_line(["interval holds the truth", *heads, "screening", "promotion"]), _rule(len(heads) + 3)]
    for name, found in result["simulation"].items():
        cells = [*found["fixed"].values(), found["screen"]["coverage"], found["promote"]["coverage"]]
        lines.append(_line([name, *(f"{cell:.1%}" for cell in cells)]))
    for state, found in result["recorded"].items():
        cells = [f"{cell['holds']:.1%} of {cell['stretches']}" for cell in found.values()]
        lines.append(_line([f"recorded, {state}", *cells, "", ""]))
    lines += ["", _line(["promoted", "no gain", *(f"+{gain:.0%}" for gain in GAINS[1:])]), _rule(len(GAINS) + 1)]
    for name, found in result["simulation"].items():
        lines.append(_line([name, *(f"{share:.1%}" for share in found["promoted"].values())]))
    if "measurement" in result:
        heads = ["slowdown", "measured", *(name.replace("_", " ") for name in (*SHARES, "off", "half_width"))]
        lines += ["", _line(heads), _rule(len(heads))]
        for slowdown, row in result["measurement"]["slowdowns"].items():
            shares = [f"{row[name]:.1%}" for name in (*SHARES, "off", "half_width")]
            lines.append(_line([f"{float(slowdown):.0%}", str(row["count"]), *shares]))
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _rule(columns: int) -> str:
    return "|---" * columns + "|"


def too_rare(simulation: dict[str, Any]) -> list[str]:
    """Independent noise under which the interval holds the truth less often than is allowed."""
    found = []
    for name in INDEPENDENT:
        cells = {**simulation[name]["fixed"], "screening": simulation[name]["screen"]["coverage"]}
        cells["promotion"] = simulation[name]["promote"]["coverage"]
        found += [f"{name}, {pairs}: {share:.1%}" for pairs, share in cells.items() if share < ALLOWED]
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--series", type=int, default=1000, help="simulated series a cell (1000)")
    parser.add_argument("--measure", type=int, default=0, metavar="COUNT", help="real measurements a slowdown (0)")
    parser.add_argument("--slowdowns", type=float, nargs="+", default=SLOWDOWNS, help="shares to be slower by")
    parser.add_argument("--cache", type=Path, help="the judge's cache directory")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the JSON goes")
    options = parser.parse_args(arguments)
    if options.series < 1 or options.measure < 0:
        parser.error("--series must be at least 1, --measure at least 0")
    result: dict[str, Any] = {"series": options.series, "nominal": NOMINAL}
    result["recorded"] = recorded(RECORDED)
    result["simulation"] = simulate(INDEPENDENT | DEPENDENT, options.series)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    if options.measure:
        result["measurement"] = measure(options.measure, options.slowdowns, options.cache or cache_directory())
        options.out.write_text(json.dumps(result, indent=1) + "\n")
    print(tables(result))
    missed = too_rare(result["simulation"])
    print("\n".join(f"too rarely: {line}" for line in missed))
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
