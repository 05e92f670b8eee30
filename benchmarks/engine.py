"""What the search itself costs, and whether that stays flat: ask + tell + journal at 100 to 1,000,000 candidates.

    python benchmarks/engine.py
    python benchmarks/engine.py --sizes 100,1000 --measured 50

The real loop runs with a judge and a proposer that answer at once; their own time is taken out. What is left is
asking, telling, describing, admitting and the commits of an evaluation, one of which is flushed to the disk.
``flush`` is what such a flush alone costs here at that moment, ``cpu`` is the processor's share; ``--folder /dev/shm``
takes the disk out. Up to 10,000 candidates the loop makes them itself; larger journals are filled with the same rows in
bulk and then gone on with. Memory is the peak of a process that holds a run of that size. Writes
``benchmarks/results/engine.json`` and prints a table.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import resource
import shutil
import sqlite3
import statistics
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from warploom.archive import journal as journals
from warploom.archive.encode import event_text, pack_evaluation, pack_proposal
from warploom.search.sitting import Parts, Run, begin, go_on
from warploom.search.state import State
from warploom.testing.synthetic import (
    SyntheticProposer,
    synthetic_candidate,
    synthetic_evaluation,
    synthetic_problem,
)
from warploom.values.candidate import Candidate, Lineage, Proposal
from warploom.values.config import RunConfig
from warploom.values.event import Asked, Evaluated, Event, Member, Proposed
from warploom.values.job import Job
from warploom.values.outcome import Evaluation
from warploom.values.request import Request

RESULTS = Path(__file__).parent / "results" / "engine.json"
TARGETS = {"median_ms_at_100": 2.0, "growth_to_1000000": 1.5, "resume_s_at_100000": 5.0, "memory_gb_at_1000000": 1.0}
MADE_BY_THE_LOOP = 10_000
COLUMNS = {
    "candidates": "candidates",
    "flush_ms": "flush ms",
    "median_ms": "median ms",
    "p95_ms": "p95 ms",
    "cpu_ms": "cpu ms",
    "resume_s": "resume s",
    "peak_mb": "peak MB",
    "journal_mb": "journal MB",
}


class Aside:
    """Adds up time that is not the engine's."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.cpu = 0.0

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Whatever happens inside is not the engine's."""
        began, cpu = time.perf_counter(), time.process_time()
        yield
        self.seconds += time.perf_counter() - began
        self.cpu += time.process_time() - cpu


class InstantProposer(SyntheticProposer):
    """The synthetic proposer, with a number in each source so that no two are the same."""

    def __init__(self, aside: Aside) -> None:
        super().__init__()
        self._aside = aside

    async def propose(self, request: Request) -> Proposal:
        """A neighbour of the first parent, never seen before."""
        with self._aside.counting():
            proposal = await super().propose(request)
            return Proposal(numbered(proposal.candidate, request.number), proposal.lineage)


class InstantExecutor:
    """Answers at once."""

    def __init__(self, aside: Aside) -> None:
        self._aside = aside

    async def submit(self, job: Job) -> Evaluation:
        """Made-up samples."""
        with self._aside.counting():
            return synthetic_evaluation(job.candidate, failing=0.1, effort=job.effort)


def numbered(candidate: Candidate, number: int) -> Candidate:
    """The same kernel with another number in it."""
    name, text = candidate.sources[0]
    head = text.split("static const int number")[0]
    return replace(candidate, sources=((name, f"{head}static const int number_{number} = {number};\n"),))


class Stop(Exception):  # noqa: N818 - ends a sitting
    """Enough was measured."""


def one_size(folder: Path, size: int, measured: int, most_made: int, answer: Any) -> None:
    """Measure at one size, in a process of its own so that its peak memory is its own."""
    aside = Aside()
    proposer = InstantProposer(aside)
    parts = Parts(InstantExecutor(aside), lambda journal: proposer)
    config = RunConfig("twice", evaluations=10 * max(size, measured), islands=4)
    alone = min(size, most_made)
    with begin(folder, config, synthetic_problem(), synthetic_candidate(), parts) as run:
        sit(run, alone, aside)
    if size > alone:
        fill(folder, size - alone)
    began = time.perf_counter()
    journal = journals.reopen(folder)
    checked = time.perf_counter() - began
    with go_on(journal, synthetic_candidate(), parts) as run:
        resumed = time.perf_counter() - began
        known = int(run.state.evaluations)
        flushed = flush_ms(folder / "flush")
        costs = sit(run, known + measured, aside)
    answer.send(
        {
            "candidates": size,
            "flush_ms": flushed,
            "median_ms": 1e3 * statistics.median(wall for wall, _ in costs),
            "p95_ms": 1e3 * sorted(wall for wall, _ in costs)[int(0.95 * len(costs))],
            "cpu_ms": 1e3 * statistics.median(cpu for _, cpu in costs),
            "resume_s": resumed,
            "check_s": checked,
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "journal_mb": (folder / "journal.db").stat().st_size / 1e6,
        }
    )


def sit(run: Run, until: int, aside: Aside) -> list[tuple[float, float]]:
    """Go on until so many evaluations; returns the engine's own seconds of each, by the clock and of the processor."""
    costs: list[tuple[float, float]] = []
    last = [time.perf_counter() - aside.seconds, time.process_time() - aside.cpu]

    def observe(event: Event, state: State) -> None:
        if isinstance(event, Evaluated):
            now = [time.perf_counter() - aside.seconds, time.process_time() - aside.cpu]
            costs.append((now[0] - last[0], now[1] - last[1]))
            last[:] = now
            if state.evaluations >= until:
                raise Stop

    try:
        run.go(observe)
    except Stop:
        run.checkpoint()
    return costs


def flush_ms(folder: Path, commits: int = 60) -> float:
    """What one durable commit of a few bytes costs on this disk now: the floor under every evaluation."""
    folder.mkdir(parents=True, exist_ok=True)
    database = sqlite3.connect(folder / "flush.db", isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL").fetchall()
    database.execute("PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE flushed(number INTEGER)")
    costs = []
    for number in range(commits):
        began = time.perf_counter()
        database.execute("INSERT INTO flushed VALUES(?)", (number,))
        costs.append(time.perf_counter() - began)
    database.close()
    return 1e3 * statistics.median(costs)


def fill(folder: Path, count: int) -> None:
    """Add candidates to a journal in bulk: the rows that the loop would have written, all failed or not added."""
    database = sqlite3.connect(folder / "journal.db", isolation_level=None)
    seq = database.execute("SELECT MAX(seq) FROM events").fetchone()[0]
    key = database.execute("SELECT MAX(key) FROM candidates").fetchone()[0]
    seed = synthetic_candidate()
    number = database.execute("SELECT COUNT(*) FROM events WHERE kind = 'Asked'").fetchone()[0]
    body = pack_proposal(Proposal(numbered(seed, 7), Lineage((seed.id,), "synthetic", "change")))
    evaluation = pack_evaluation(synthetic_evaluation(numbered(seed, 7)))
    state = journal_snapshot(database)
    member = Member(seed.id, 0.5, 0.01, (0, 0, 0), 0)
    database.execute("PRAGMA synchronous=OFF")
    database.execute("BEGIN")
    for index in range(count):
        # The body stands for itself; the id is as long and as random as a real one.
        identity = f"{(index * 0x9E3779B97F4A7C15 + 12345) % 2**64:016x}"
        key += 1
        database.execute("INSERT INTO candidates VALUES(?, ?, ?)", (key, identity, body))
        database.execute("INSERT INTO evaluations VALUES(?, ?)", (2 * key, evaluation))
        asked = Asked(number, "", (member,), (member, member), None, 0, 123456789012345678, 0.5)
        told = Evaluated(number, identity, "passed", "", "", 0.1, 0.01, (0, 0, 0), 0, "not_added")
        for event in (asked, Proposed(number, identity, "synthetic", "change", "paid 1.0"), told):
            seq += 1
            kind, text = event_text(event)
            database.execute(
                "INSERT INTO events VALUES(?, ?, ?, ?, ?, ?)",
                (seq, kind, getattr(event, "candidate", None), text, 0.0, 0.0),
            )
        number += 1
    state["next_number"] = number
    state["evaluations"] += count
    state["migrations"] = state["evaluations"]  # those that the filled rows would have brought are behind us
    database.execute("COMMIT")
    database.close()
    with journals.reopen(folder) as journal:
        journal.save_snapshot(state)


def journal_snapshot(database: sqlite3.Connection) -> dict[str, Any]:
    """The newest state in this journal."""
    row = database.execute("SELECT body FROM snapshots ORDER BY seq DESC LIMIT 1").fetchone()
    state: dict[str, Any] = json.loads(zlib.decompress(row[0]))
    return state


def main() -> None:
    """Measure every size, print the table, write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="100,10000,100000,1000000", help="numbers of candidates, with commas")
    parser.add_argument("--measured", type=int, default=300, help="evaluations measured at each size")
    parser.add_argument("--made-by-the-loop", type=int, default=MADE_BY_THE_LOOP, help="the rest is filled in bulk")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the results go")
    parser.add_argument(
        "--folder", type=Path, default=None, help="where the journals are made (default: a temporary one)"
    )
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="engine-", dir=given.folder))
    rows = []
    try:
        print("".join(f"{title:>12}" for title in COLUMNS.values()))
        for size in (int(word) for word in given.sizes.split(",")):
            receive, send = multiprocessing.get_context("spawn").Pipe(duplex=False)
            process = multiprocessing.get_context("spawn").Process(
                target=one_size, args=(folder / str(size), size, given.measured, given.made_by_the_loop, send)
            )
            process.start()
            send.close()
            try:
                row = receive.recv()
            except EOFError:
                raise SystemExit(f"the measurement at {size} candidates failed") from None
            process.join()
            receive.close()
            rows.append(row)
            print("".join(f"{row[name]:>12,.{0 if name == 'candidates' else 2}f}" for name in COLUMNS), flush=True)
            shutil.rmtree(folder / str(size))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    result = {
        "machine": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "targets": TARGETS,
        "rows": rows,
    }
    given.out.write_text(json.dumps(result, indent=1) + "\n")
    print(f"written to {given.out}")


if __name__ == "__main__":
    main()
