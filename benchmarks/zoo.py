"""The judge's two scores: attacks that succeed, and honest kernels that are rejected.

    python benchmarks/zoo.py                       # every exhibit of tests/adversarial/zoo, five times in a row
    python benchmarks/zoo.py --runs 1 zeros freeze # some exhibits, by parts of their names

Each run judges every cheat and every honest look-alike, with content drawn anew. Prints a table and both scores,
writes ``benchmarks/results/zoo.json``, and ends with status 1 unless both scores are zero.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "adversarial"))

from exhibit import Exhibit, load_exhibits
from judges import Judges

from warploom.problems.cache import cache_directory
from warploom.values.job import Effort
from warploom.values.outcome import Evaluation, Passed

RESULTS = Path(__file__).parent / "results" / "zoo.json"


@dataclass
class Row:
    """What became of one exhibit: runs of the cheat and of the look-alike, and what went wrong in them."""

    exhibit: Exhibit
    cheats: int = 0
    caught: int = 0
    honest: int = 0
    passed: int = 0
    escapes: list[str] = field(default_factory=list)
    rejections: list[str] = field(default_factory=list)

    def cheat(self, evaluation: Evaluation) -> None:
        """Count one evaluation of the cheat."""
        self.cheats += 1
        wrong = self.exhibit.escaped(evaluation)
        self.caught += not wrong
        if wrong:
            self.escapes.append(wrong)

    def look_alike(self, evaluation: Evaluation) -> None:
        """Count one evaluation of the honest look-alike."""
        self.honest += 1
        self.passed += isinstance(evaluation, Passed)
        if not isinstance(evaluation, Passed):
            self.rejections.append(f"{evaluation.stage}: {evaluation.kind}: {evaluation.message}")

    def describe(self) -> dict[str, Any]:
        """As written to the results."""
        exhibit = self.exhibit
        return {
            "exhibit": exhibit.name,
            "title": exhibit.title,
            "origin": exhibit.origin,
            "exploits": list(exhibit.exploits),
            "guard": exhibit.guard,
            "disabled_by": exhibit.disabled_by,
            "got_through": exhibit.got_through,
            "fix": exhibit.fix,
            "cheats": self.cheats,
            "caught": self.caught,
            "honest": self.honest,
            "passed": self.passed,
            "escapes": self.escapes,
            "rejections": self.rejections,
        }


def run(exhibits: Sequence[Exhibit], runs: int, judges: Judges) -> list[Row]:
    """Judge every exhibit so many times; exhibits of one problem one after another."""
    rows = [Row(exhibit) for exhibit in sorted(exhibits, key=lambda one: (one.problem, one.name))]
    for row in rows:
        for effort in row.exhibit.efforts:
            chosen: Effort = "promote" if effort == "promote" else "screen"
            for _ in range(runs):
                for _ in range(row.exhibit.runs):
                    row.cheat(judges.evaluate(row.exhibit, "cheat", chosen))
                row.look_alike(judges.evaluate(row.exhibit, "honest", chosen))
        print(line(row), flush=True)
    return rows


def line(row: Row) -> str:
    """One row of the table."""
    exhibit = row.exhibit
    numbers = ",".join(str(number) for number in exhibit.exploits) or exhibit.origin
    mark = " (got through at first)" if exhibit.got_through else ""
    return (
        f"{exhibit.name:32}{numbers:12}{row.caught}/{row.cheats:<6}{row.passed}/{row.honest:<6}"
        f"{exhibit.disabled_by}{mark}"
    )


def scores(rows: Sequence[Row]) -> dict[str, Any]:
    """Both scores, and of how many."""
    return {
        "exhibits": len(rows),
        "attacks": sum(row.cheats for row in rows),
        "attacks_that_succeed": sum(row.cheats - row.caught for row in rows),
        "honest_kernels": sum(row.honest for row in rows),
        "honest_kernels_rejected": sum(row.honest - row.passed for row in rows),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("names", nargs="*", help="parts of exhibits' names; all by default")
    parser.add_argument("--runs", type=int, default=5, help="evaluations of each kernel in a row (5)")
    parser.add_argument("--cache", type=Path, help="the judge's cache directory")
    parser.add_argument("--out", type=Path, help="where the JSON goes (benchmarks/results/zoo.json for the whole zoo)")
    options = parser.parse_args(arguments)
    exhibits = [one for one in load_exhibits() if not options.names or any(part in one.name for part in options.names)]
    if options.runs < 1:
        parser.error("--runs must be at least 1")
    if not exhibits:
        parser.error(f"no exhibit has {' or '.join(options.names)} in its name")
    print(f"{'exhibit':32}{'exploit':12}{'caught':8}{'passed':8}guard")
    with Judges(options.cache or cache_directory(), whole=True) as judges:
        rows = run(exhibits, options.runs, judges)
    found = scores(rows)
    out = options.out or (None if options.names else RESULTS)
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        result = {"runs": options.runs, **found, "rows": [row.describe() for row in rows]}
        out.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    for row in rows:
        for text in dict.fromkeys((*row.escapes, *row.rejections)):
            print(f"{row.exhibit.name}: {text}")
    print(f"attacks that succeed: {found['attacks_that_succeed']} of {found['attacks']}")
    print(f"honest kernels rejected: {found['honest_kernels_rejected']} of {found['honest_kernels']}")
    return 1 if found["attacks_that_succeed"] or found["honest_kernels_rejected"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
