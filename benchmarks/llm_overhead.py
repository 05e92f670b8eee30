"""What Warploom adds to a model's answer: candidates a second with a model that takes no time, over real HTTP.

    python benchmarks/llm_overhead.py
    python benchmarks/llm_overhead.py --sizes 100,1000 --measured 100

A server in a process of its own answers every prompt at once with a whole kernel, and the judge is made up; all the
rest is real: prompts, HTTP, answers, near-duplicates, ledger, journal (two commits are flushed to the disk for each
candidate) and archive, with sixteen requests in flight. Journals of the larger sizes are filled with the rows that a
run would have written, exchanges too. ``cpu`` is this process's share; the server's is its own. Writes
``benchmarks/results/llm_overhead.json`` and prints a table.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import shutil
import sqlite3
import sys
import tempfile
import time
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.engine import Stop, fill, flush_ms

from warploom.archive import journal as journals
from warploom.search.proposers import Resting, make_proposer
from warploom.search.sitting import Parts, Run, begin, go_on
from warploom.search.state import State
from warploom.testing.chat_server import ChatServer
from warploom.testing.synthetic import synthetic_candidate, synthetic_evaluation, synthetic_problem
from warploom.testing.synthetic_model import SyntheticModel
from warploom.values.config import RunConfig
from warploom.values.event import Evaluated, Event
from warploom.values.job import Job
from warploom.values.outcome import Evaluation

RESULTS = Path(__file__).parent / "results" / "llm_overhead.json"
AIM_PER_SECOND = 100.0
MADE_BY_THE_LOOP = 1_000
IN_FLIGHT = 16
COLUMNS = {
    "candidates": "candidates",
    "per_second": "a second",
    "cpu_ms": "cpu ms",
    "flush_ms": "flush ms",
    "prompt_bytes": "prompt bytes",
    "journal_mb": "journal MB",
}


class InstantExecutor:
    """Answers at once."""

    async def submit(self, job: Job) -> Evaluation:
        """Made-up samples."""
        return synthetic_evaluation(job.candidate, failing=0.1, effort=job.effort)


def serve(answer: Connection) -> None:
    """The model's process: sends its address, ends when the other end closes."""
    with ChatServer(SyntheticModel(numbered=True)) as server:
        answer.send(server.base_url)
        try:
            answer.recv()
        except EOFError:
            return


def parts_of(config: RunConfig) -> Parts:
    """What a run of this configuration is wired to."""
    resting = Resting()
    return Parts(InstantExecutor(), partial(make_proposer, config, synthetic_problem(), {}, resting), resting=resting)


def one_size(folder: Path, size: int, measured: int, most_made: int, base_url: str) -> dict[str, Any]:
    """Measure at one size."""
    config = RunConfig(
        "twice",
        evaluations=10 * max(size, measured),
        islands=4,
        proposer="llm",
        models=("zero,max_tokens=4000,price=1/10",),
        base_url=base_url,
        in_flight=IN_FLIGHT,
    )
    alone = min(size, most_made)
    with begin(folder, config, synthetic_problem(), synthetic_candidate(), parts_of(config)) as run:
        sit(run, alone)
    if size > alone:
        fill(folder, size - alone)
        converse(folder, size - alone)
    flushed = flush_ms(folder / "flush")
    with go_on(journals.reopen(folder), synthetic_candidate(), parts_of(config)) as run:
        seconds, cpu, told = sit(run, run.state.evaluations + measured)
    with journals.read(folder) as journal:
        said = (one for number in range(run.state.next_number, 0, -1) for one in journal.conversations.of(number))
        last = next(said)
    return {
        "candidates": size,
        "per_second": told / seconds,
        "cpu_ms": 1e3 * cpu / told,
        "flush_ms": flushed,
        "prompt_bytes": sum(len(message.text.encode()) for message in last.messages),
        "journal_mb": (folder / "journal.db").stat().st_size / 1e6,
    }


def sit(run: Run, until: int) -> tuple[float, float, int]:
    """Go on until so many evaluations; returns seconds, processor seconds and candidates after the first few."""
    began: list[float] = []
    told = [0]

    def observe(event: Event, state: State) -> None:
        if not isinstance(event, Evaluated):
            return
        if not began and event.number > 0:  # the client is loaded and connected
            began[:] = [time.perf_counter(), time.process_time()]
        elif began:
            told[0] += 1
        if state.evaluations >= until:
            raise Stop

    try:
        run.go(observe)
    except Stop:
        run.checkpoint()
    if not began:
        return 0.0, 0.0, 0
    return time.perf_counter() - began[0], time.process_time() - began[1], told[0]


def converse(folder: Path, count: int) -> None:
    """Add exchanges for the filled rows: one for each, as long as those of this run."""
    database = sqlite3.connect(folder / "journal.db", isolation_level=None)
    (body,) = database.execute("SELECT body FROM exchanges ORDER BY LENGTH(body) DESC LIMIT 1").fetchone()
    assert body
    last = database.execute("SELECT MAX(number) FROM exchanges").fetchone()[0]
    database.execute("PRAGMA synchronous=OFF")
    database.execute("BEGIN")
    # Far below any request of the run, so that none of them is taken for recorded.
    rows = ((-index, 0, f"{index:016x}", "zero", 2000, 0.004, 1, 0, body) for index in range(1, count + 1))
    database.executemany("INSERT INTO exchanges VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    database.execute("COMMIT")
    assert last is not None
    database.close()


def main() -> None:
    """Measure every size, print the table, write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="100,1000,10000,100000", help="numbers of candidates, with commas")
    parser.add_argument("--measured", type=int, default=500, help="candidates measured at each size")
    parser.add_argument("--made-by-the-loop", type=int, default=MADE_BY_THE_LOOP, help="the rest is filled in bulk")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the results go")
    parser.add_argument("--folder", type=Path, default=None, help="where the journals are made")
    given = parser.parse_args()
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    theirs.close()
    base_url = ours.recv()
    folder = Path(tempfile.mkdtemp(prefix="llm-overhead-", dir=given.folder))
    rows = []
    try:
        print("".join(f"{title:>14}" for title in COLUMNS.values()))
        for size in (int(word) for word in given.sizes.split(",")):
            row = one_size(folder / str(size), size, given.measured, given.made_by_the_loop, base_url)
            rows.append(row)
            print("".join(f"{row[name]:>14,.{1 if name.endswith(('second', 'ms', 'mb')) else 0}f}" for name in COLUMNS))
            shutil.rmtree(folder / str(size))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        ours.close()
        server.join(10)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    result = {
        "machine": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "in_flight": IN_FLIGHT,
        "aim_per_second": AIM_PER_SECOND,
        "rows": rows,
    }
    given.out.write_text(json.dumps(result, indent=1) + "\n")
    print(f"written to {given.out}")


if __name__ == "__main__":
    main()
