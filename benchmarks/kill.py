"""Kill a real run at random moments, at any of its processes, and see whether anything is lost.

    python benchmarks/kill.py                                 # 50 kills
    python benchmarks/kill.py --kills 5 --evaluations 20 --problem softmax

``warploom evolve`` runs as a user would run it. After a random wait one of its processes is sent SIGKILL: the driver,
the PyTorch reference, a worker in its jail, or the compiler. A driver that is gone is resumed. Checked after each kill:
every evaluation that the journal held before is still there, unchanged; the journal passes its integrity check; and,
when the driver was killed, that nothing of the run is left behind. In the end the run must complete. Writes
``benchmarks/results/kill.json`` and prints a table.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from warploom.archive import journal as journals
from warploom.archive.integrity import inspect
from warploom.errors import JournalError

RESULTS = Path(__file__).parent / "results" / "kill.json"
LEFT_BEHIND_SECONDS = 5.0
MOVES_ON_SECONDS = 120.0
ONE_JUDGED = 4
"""Events until the first candidate of a sitting is judged: resumed, asked, proposed, evaluated."""

AT_WORK = 0.85
"""Share of the kills that wait until the run judges; the others may fall into its start, which takes longer."""

COMPILERS = ("cc1plus", "g++", "c++", "as", "ld", "collect2")


@dataclass
class Kill:
    """One kill and what came of it."""

    victim: str
    known: int
    lost: int
    changed: int
    intact: bool
    driver_ended: bool
    left_behind: int


class Driver:
    """A run as a user sees it: one command, restarted as often as needed."""

    def __init__(self, folder: Path, command: Sequence[str], log: Path) -> None:
        self.folder = folder
        self._command = list(command)
        self._log = log
        self.starts = 0
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        self.starts += 1
        begun = (self.folder / "journal.db").exists()
        words = ["resume", str(self.folder)] if begun and has_begun(self.folder) else self._command
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "warploom", *words, "--json"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def again(self) -> None:
        """Resume after the driver is gone."""
        self.process.wait()
        self.process = self._start()

    def tree(self) -> list[psutil.Process]:
        """The driver and everything it started."""
        try:
            root = psutil.Process(self.process.pid)
            return [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []


def has_begun(folder: Path) -> bool:
    """Whether the journal holds the start of a run."""
    try:
        with journals.read(folder):
            return True
    except JournalError:
        return False


def known(folder: Path) -> dict[str, object]:
    """Every evaluation the journal holds, by candidate."""
    if not has_begun(folder):
        return {}
    with journals.read(folder) as journal:
        ids = journal.candidates()
        return {one: found for one in ids if (found := journal.evaluation(one)) is not None}


def ended(folder: Path) -> bool:
    """Whether the run is over."""
    if not has_begun(folder):
        return False
    with journals.read(folder) as journal:
        return bool(journal.ended)


def kind_of(process: psutil.Process, driver: int) -> str:
    """Which process of a run this is."""
    if process.pid == driver:
        return "driver"
    try:
        words = " ".join(process.cmdline())
        name = process.name()
    except psutil.Error:
        return "other"
    if "reference_process" in words:
        return "reference"
    if name in COMPILERS:
        return "compiler"
    if "bwrap" in name:
        return "jail"
    if "worker" in words:
        return "worker"
    return "other"


def strike(driver: Driver, rng: random.Random) -> Kill | None:
    """Kill one process of the run now; None when there was none left."""
    before = known(driver.folder)
    tree = driver.tree()
    kinds: dict[str, list[psutil.Process]] = {}
    for process in tree:
        kinds.setdefault(kind_of(process, driver.process.pid), []).append(process)
    if not kinds:
        return None
    kind = rng.choice(sorted(kinds))
    victim = rng.choice(kinds[kind])
    try:
        victim.kill()
    except psutil.NoSuchProcess:
        return None
    gone = kind == "driver"
    left = left_behind(tree) if gone else 0
    if not gone:
        gone = not moves_on(driver)
    try:
        if has_begun(driver.folder):
            inspect(driver.folder)
        intact = True
    except JournalError:
        intact = False
    after = known(driver.folder) if intact else {}
    lost = sum(one not in after for one in before)
    changed = sum(one in after and after[one] != found for one, found in before.items())
    return Kill(kind, len(before), lost, changed, intact, gone, left)


def left_behind(tree: Sequence[psutil.Process]) -> int:
    """How many of these processes outlive their driver."""
    _, alive = psutil.wait_procs(tree, timeout=LEFT_BEHIND_SECONDS)
    return sum(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in alive)


def moves_on(driver: Driver, by: int = 1) -> bool:
    """Whether the run goes on: so many more events, or its end. False when the driver gave up."""
    before = length(driver.folder)
    limit = time.monotonic() + MOVES_ON_SECONDS
    while time.monotonic() < limit:
        if length(driver.folder) >= before + by:
            return True
        if driver.process.poll() is not None:
            return ended(driver.folder)
        time.sleep(0.2)
    return False


def length(folder: Path) -> int:
    """Number of events."""
    if not has_begun(folder):
        return 0
    with journals.read(folder) as journal:
        return journal.length


def main() -> None:
    """Kill as often as wanted, print the table, write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problem", default="sum_dim1", help="a cheap problem: name or path")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument(
        "--evaluations", type=int, default=120, help="budget of a run; a new one begins when it is spent"
    )
    parser.add_argument("--longest", type=float, default=5.0, help="seconds between two kills at most, at work")
    parser.add_argument("--seed", type=int, default=0, help="of waits and victims")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the results go")
    given = parser.parse_args()
    rng = random.Random(given.seed)
    folder = Path(tempfile.mkdtemp(prefix="kill-"))
    kills: list[Kill] = []
    runs = 0
    completed = 0
    starts = 0
    driver: Driver | None = None
    try:
        while len(kills) < given.kills or driver is not None:
            if driver is None:
                runs += 1
                run = folder / str(runs)
                words = ["evolve", given.problem, "--evaluations", str(given.evaluations), "--run", str(run)]
                driver = Driver(run, [*words, "--seed", str(runs)], folder / f"{runs}.log")
            if len(kills) < given.kills and rng.random() < AT_WORK:
                moves_on(driver, by=ONE_JUDGED)
            wait = rng.uniform(0.0, given.longest) if len(kills) < given.kills else 600.0
            try:
                driver.process.wait(wait)
            except subprocess.TimeoutExpired:
                if len(kills) < given.kills and (kill := strike(driver, rng)) is not None:
                    kills.append(kill)
                    print(f"{len(kills):>4} {kill}", flush=True)
                    if kill.driver_ended:
                        driver.again()
                continue
            if not ended(driver.folder):
                print(f"     the driver gave up with {driver.process.returncode}; resuming", flush=True)
                driver.again()
                if driver.starts > given.kills + 20:
                    raise SystemExit(f"the run does not complete; see {folder / f'{runs}.log'}")
                continue
            completed += 1
            starts += driver.starts
            driver = None
    finally:
        if driver is not None:
            for process in driver.tree():
                process.kill()
            driver.process.wait()
    report(kills, runs, completed, starts, given.out)
    shutil.rmtree(folder, ignore_errors=True)


def report(kills: Sequence[Kill], runs: int, completed: int, starts: int, out: Path) -> None:
    """Print the table and write the results."""
    print(f"\n{'victim':<12} {'kills':>6} {'lost':>6} {'changed':>8} {'damaged':>8} {'left behind':>12}")
    for victim, count in sorted(Counter(kill.victim for kill in kills).items()):
        own = [kill for kill in kills if kill.victim == victim]
        damaged = sum(not kill.intact for kill in own)
        sums = [sum(getattr(kill, name) for kill in own) for name in ("lost", "changed", "left_behind")]
        print(f"{victim:<12} {count:>6} {sums[0]:>6} {sums[1]:>8} {damaged:>8} {sums[2]:>12}")
    lost = sum(kill.lost + kill.changed for kill in kills)
    most = max((kill.known for kill in kills), default=0)
    print(f"{lost} known evaluations lost or changed in {len(kills)} kills (up to {most} known at a kill)")
    print(f"{completed} of {runs} runs completed after {starts} starts")
    out.parent.mkdir(parents=True, exist_ok=True)
    result = {"kills": [asdict(kill) for kill in kills], "runs": runs, "completed": completed, "starts": starts}
    out.write_text(json.dumps(result, indent=1) + "\n")
    print(f"written to {out}")


if __name__ == "__main__":
    main()
