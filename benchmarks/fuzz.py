"""Feed all that takes foreign input with random inputs, and see whether anything breaks, hangs or wrongly passes.

    python benchmarks/fuzz.py                                        # 100,000 inputs over all targets
    python benchmarks/fuzz.py --targets "right C++" --inputs 5000    # one target
    python benchmarks/fuzz.py --targets journals --seed 3 --first 41 --inputs 1    # one input again

The targets are those of ``tests/fuzz``, which the test suite runs a little of. Each runs in a process of its own that
tells of every input when it is done with it, so that a crash or a hang is known by the input that made it, and the
rest goes on. Writes ``benchmarks/results/fuzz.json`` and prints a table; the exit code is 1 after any finding.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

from warploom.testing.fuzz import Target, WrongPass

ROOT = Path(__file__).resolve().parents[1]
TESTS = ROOT / "tests" / "fuzz"
RESULTS = ROOT / "benchmarks" / "results" / "fuzz.json"
MOST_FINDINGS = 20
"""Of one target; then it is left."""


@dataclass
class Row:
    """What became of one target.

    Attributes:
        target: its name.
        inputs: fed.
        outcomes: class of outcome → count.
        errors: undocumented exceptions.
        wrong_passes: wrong things taken for right.
        crashes: inputs that ended the process.
        hangs: inputs that took longer than the target allows.
        slowest_ms: the slowest input.
        slowest: its number.
        seconds: all of it.
        findings: what was found, with the number of the input that repeats it.
    """

    target: str
    inputs: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    errors: int = 0
    wrong_passes: int = 0
    crashes: int = 0
    hangs: int = 0
    slowest_ms: float = 0.0
    slowest: int = -1
    seconds: float = 0.0
    findings: list[str] = field(default_factory=list)

    @property
    def bad(self) -> int:
        """Findings of every kind."""
        return self.errors + self.wrong_passes + self.crashes + self.hangs


def targets(folder: Path) -> dict[str, Target]:
    """Every target of the tests in this folder, by name."""
    found: dict[str, Target] = {}
    for path in sorted(folder.glob("test_fuzz_*.py")):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module
        spec.loader.exec_module(module)
        for target in module.TARGETS:
            assert target.name not in found, f"two targets are called {target.name}"
            found[target.name] = target
    return found


def feed(target: Target, seed: int, first: int, count: int, report: IO[str]) -> None:
    """In the child: one line of JSON for every input."""
    warnings.simplefilter("ignore")
    for number in range(first, first + count):
        begin = time.perf_counter()
        said = {"number": number, "kind": "outcome"}
        try:
            said["text"] = target.attempt(seed, number)
        except WrongPass as error:
            said |= {"kind": "wrong pass", "text": str(error)[:2000]}
        except Exception as error:  # noqa: BLE001 - whatever is raised is what was looked for
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(place.filename).name}:{place.lineno}"
            said |= {"kind": "error", "text": f"{type(error).__name__} at {where}: {str(error)[:2000]}"}
        print(json.dumps({**said, "seconds": time.perf_counter() - begin}), file=report, flush=True)


def run(target: Target, folder: Path, seed: int, first: int, count: int) -> Row:
    """Feed one target of this folder with so many inputs, in child processes."""
    row, outcomes, end = Row(target.name), Counter[str](), first + count
    begin = time.perf_counter()
    while first < end and row.bad < MOST_FINDINGS:
        reader, writer = os.pipe()
        errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed below
        words = [sys.executable, __file__, "--child", target.name, "--seed", str(seed), "--first", str(first)]
        child = subprocess.Popen(
            [*words, "--inputs", str(end - first), "--tests", str(folder), "--report", str(writer)],
            pass_fds=[writer],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
        )
        os.close(writer)
        with os.fdopen(reader, "rb", 0) as report:
            first, hung = follow(target, row, outcomes, report, first, end)
        if first < end and row.bad < MOST_FINDINGS:
            if hung:
                row.hangs += 1
                row.findings.append(f"input {first}: hang")
            else:
                status = child.wait()
                errors.seek(0)
                said = errors.read().decode(errors="replace").strip()
                row.crashes += 1
                row.findings.append(f"input {first}: crash, status {status}: {said[-1000:]}")
            row.inputs += 1
            first += 1
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        errors.close()
    row.outcomes = dict(outcomes.most_common())
    row.seconds = round(time.perf_counter() - begin, 1)
    return row


def follow(
    target: Target, row: Row, outcomes: Counter[str], report: IO[bytes], first: int, end: int
) -> tuple[int, bool]:
    """Take in what a child tells; the number of the input it did not come to terms with, and whether it hung."""
    rest = b""
    patience = max(target.seconds, 60.0)  # the first input waits for imports and compilers
    while first < end:
        ready, _, _ = select.select([report], [], [], patience)
        if not ready:
            return first, True
        data = report.read(1 << 16)
        if not data:
            return first, False
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            take(row, outcomes, json.loads(line))
            first += 1
        patience = target.seconds if lines else patience
        if row.bad >= MOST_FINDINGS:
            return first, False
    return first, False


def take(row: Row, outcomes: Counter[str], said: dict[str, object]) -> None:
    """Enter one input."""
    row.inputs += 1
    milliseconds = 1e3 * float(str(said["seconds"]))
    if milliseconds > row.slowest_ms:
        row.slowest_ms, row.slowest = round(milliseconds, 1), int(str(said["number"]))
    if said["kind"] == "outcome":
        outcomes[str(said["text"])] += 1
        return
    if said["kind"] == "error":
        row.errors += 1
    else:
        row.wrong_passes += 1
    row.findings.append(f"input {said['number']}: {said['kind']}: {said['text']}")


def shares(chosen: Sequence[Target], inputs: int) -> list[int]:
    """How many inputs each target gets, by weight; at least one."""
    whole = sum(target.weight for target in chosen)
    return [max(1, -int(-inputs * target.weight // whole)) for target in chosen]


def line(row: Row) -> str:
    """One line of the table."""
    common = ", ".join(f"{count} {outcome}" for outcome, count in list(row.outcomes.items())[:4])
    figures = f"{row.inputs:>7} {row.errors:>6} {row.wrong_passes:>7} {row.crashes:>7} {row.hangs:>6}"
    return f"{row.target:<18} {figures} {row.slowest_ms:>10.1f} {row.seconds:>8.1f}  {common}"


def main() -> int:
    """Run every target, print the table, write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=100_000, help="over all targets")
    parser.add_argument("--targets", default="", help="names, separated by commas; all by default")
    parser.add_argument("--seed", type=int, default=0, help="of all inputs")
    parser.add_argument("--first", type=int, default=0, help="number of the first input of each target")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the results go")
    parser.add_argument("--tests", type=Path, default=TESTS, help="folder with the targets")
    parser.add_argument("--child", default="", help=argparse.SUPPRESS)
    parser.add_argument("--report", type=int, default=1, help=argparse.SUPPRESS)
    given = parser.parse_args()
    known = targets(given.tests)
    if given.child:
        with os.fdopen(given.report, "w") as report:
            feed(known[given.child], given.seed, given.first, given.inputs, report)
        return 0
    unknown = [name for name in given.targets.split(",") if given.targets and name not in known]
    if unknown:
        parser.error(f"unknown target {unknown[0]!r}; known: {', '.join(known)}")
    chosen = [known[name] for name in given.targets.split(",")] if given.targets else list(known.values())
    heads = f"{'inputs':>7} {'errors':>6} {'wrong':>7} {'crashes':>7} {'hangs':>6} {'slowest ms':>10} {'seconds':>8}"
    print(f"{'target':<18} {heads}  outcomes", flush=True)
    rows: list[Row] = []
    for target, count in zip(chosen, shares(chosen, given.inputs), strict=True):
        rows.append(run(target, given.tests, given.seed, given.first, count))
        print(line(rows[-1]), flush=True)
        for finding in rows[-1].findings:
            print(f"    {finding[:300]}", flush=True)
    bad = sum(row.bad for row in rows)
    total = sum(row.inputs for row in rows)
    print(f"\n{total} inputs, {bad} findings ({sum(row.wrong_passes for row in rows)} wrong passes)")
    given.out.parent.mkdir(parents=True, exist_ok=True)
    result = {"inputs": total, "findings": bad, "seed": given.seed, "targets": [asdict(row) for row in rows]}
    given.out.write_text(json.dumps(result, indent=1) + "\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
