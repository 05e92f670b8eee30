"""What a model made of a search's best: the curves of recorded runs, and how many proposals built, passed and improved.

    python benchmarks/trial.py                                  # the records of benchmarks/results/trial
    python benchmarks/trial.py RECORD.jsonl.gz RUN              # these records or run directories

In the trial a language model saw nothing but the prompts of ``warploom ask``, and answered with ``warploom tell``. A
record holds every prompt, answer and kernel; ``warploom evolve PROBLEM --replay RECORD`` goes through it again.
"Before" is the promoted best when the first kernel of an agent came, "after" the last one; both were measured in fresh
processes, at different moments.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from warploom.archive import journal as journals
from warploom.search.record import lines, open_record

RECORDS = Path(__file__).parent / "results" / "trial"


@dataclass
class Trial:
    """One record.

    Attributes:
        problem: its name.
        before: speedup over eager of the best when the first kernel of an agent came.
        after: of the last promoted one.
        proposals: kernels of agents.
        built: of these, compiled.
        passed: of these, right.
        improved: of these, promoted.
        curve: best promoted speedup after each proposal.
        tried: what each reached when it was first measured; None when it failed.
    """

    problem: str
    before: float = 1.0
    after: float = 1.0
    proposals: int = 0
    built: int = 0
    passed: int = 0
    improved: int = 0
    curve: list[float] = field(default_factory=list)
    tried: list[float | None] = field(default_factory=list)


def told(path: Path) -> tuple[str, list[dict[str, Any]], set[int]]:
    """Problem, events and the numbers of agents' requests, of a record or a run directory."""
    if path.is_dir():
        with journals.read(path) as journal:
            objects = list(lines(journal))
    else:
        with open_record(path, "r") as file:
            objects = [json.loads(line) for line in file]
    events = [one["event"] for one in objects if "event" in one]
    return objects[0]["run"]["problem"], events, {one["agent"]["number"] for one in objects if "agent" in one}


def trial(problem: str, events: Sequence[dict[str, Any]], agents: set[int]) -> Trial:
    """Read the events of a record in their order.

    Args:
        problem: its name.
        events: as records hold them.
        agents: numbers of the requests that agents answered.
    """
    found = Trial(problem)
    own: set[str] = set()
    for event in events:
        kind = event["kind"]
        if kind == "Evaluated" and event["number"] in agents:
            own.add(event["candidate"])
            found.proposals += 1
            found.built += event["stage"] != "build"
            found.passed += event["outcome"] == "passed"
            found.tried.append(math.exp(event["fitness"]) if event["fitness"] is not None else None)
            found.curve.append(found.after)
        elif kind == "Promoted":
            found.after = event["speedup"]["eager"][0]
            if event["candidate"] in own:
                found.improved += 1
                found.curve[-1] = found.after
            elif not own:
                found.before = found.after
    return found


def report(trials: Sequence[Trial]) -> str:
    """The table, and a line with the curve of each."""
    rows = [f"{'problem':<16} {'before':>8} {'after':>8} {'proposals':>10} {'built':>6} {'passed':>7} {'improved':>9}"]
    for one in trials:
        counts = f"{one.proposals:>10} {one.built:>6} {one.passed:>7} {one.improved:>9}"
        rows.append(f"{one.problem:<16} {one.before:>7.2f}× {one.after:>7.2f}× {counts}")
    for one in trials:
        tried = " ".join("  – " if speed is None else f"{speed:4.2f}" for speed in one.tried)
        rows += ["", f"{one.problem}: tried {tried}", f"{'':{len(one.problem)}}  best  " + _spaced(one.curve)]
    return "\n".join(rows)


def _spaced(speeds: Sequence[float]) -> str:
    return " ".join(f"{speed:4.2f}" for speed in speeds)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("records", nargs="*", type=Path, help="records or run directories (those of the trial)")
    given = parser.parse_args(arguments)
    records = given.records or sorted(RECORDS.glob("*.jsonl.gz"))
    if not records:
        parser.error(f"no record in {RECORDS}: name one")
    print(report([trial(*told(path)) for path in records]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
