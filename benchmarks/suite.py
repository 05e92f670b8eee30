"""A benchmark that `warploom bench` left, as the JSON that is published and the tables of docs/bench.md.

    warploom bench kernelbench:1/1-50 --root KERNELBENCH --evaluations 60 --proposer moves --out runs/level1
    python benchmarks/suite.py runs/level1

Runs nothing: reads the directory, at work or done. Writes ``benchmarks/results/bench_level1.json`` (``--out`` for
another name) with every problem of the suite, those without a kernel too, and prints the tables in Markdown.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.catalog import machine

from warploom.problems.importers.bring import address_of
from warploom.report.evaluation import BASELINES
from warploom.report.suite.table import ends_words, groups_of, name_of, results_object, score_cells, share_words
from warploom.search.suite.bench import Results, read_results
from warploom.search.suite.row import Row
from warploom.search.suite.score import THRESHOLDS

OUT = Path(__file__).parent / "results" / "bench_level1.json"
KEPT = ("level", "status", "reason", "kind", "problem", "title", "start", "speedup", "light")
MORE = ("absent", "evaluations", "failures", "minutes")


def published(results: Results) -> dict[str, Any]:
    """What is worth keeping of a benchmark: scores, settings, machine, and a row a problem; no path of this machine."""
    found = results_object(results)
    del found["out"]
    found["problems"] = {row.id: _row(row) for row in results.rows}
    found = {"warploom": results.plan.version, "machine": machine(), **found}
    text = json.dumps(found, ensure_ascii=False)
    for place in _places(results):
        text = text.replace(json.dumps(place, ensure_ascii=False)[1:-1], "…")
    plain: dict[str, Any] = json.loads(text)
    return plain


def _row(row: Row) -> dict[str, Any]:
    plain = row.to_plain()
    found = {name: plain[name] for name in (*KEPT, *MORE)}
    found["workloads"] = [
        {name: one[name] for name in ("workload", "kernel_ns", "bound_ns", "baselines")} for one in row.workloads
    ]
    return found


def _places(results: Results) -> list[str]:
    """Folders that only this machine has, the longest first."""
    addresses = [address_of(row.address) for row in results.rows]
    roots = {one.root for one in addresses if one is not None and one.root}
    return sorted({str(results.folder.absolute()), *roots}, key=len, reverse=True)


def tables(results: Results) -> Iterator[str]:
    """Lines of Markdown: scores against each baseline, then every problem, then what has no kernel."""
    groups = groups_of(results.rows)
    for baseline, title in BASELINES.items():
        yield f"against {title}:"
        yield ""
        head = ("", "problems", *(f"fast_{p:g}" for p in THRESHOLDS), "geomean", "median", "worst", "light")
        yield from _table(head, [score_cells(name, one, baseline) for name, one in groups.items()])
        yield ""
    rows = [
        (
            f"{row.id} {name_of(row)}",
            row.kind,
            ends_words(row.speedup.get("eager")),
            ends_words(row.speedup.get("compile")),
            share_words(row.light.get("eager")),
            f"{row.minutes:.0f}",
        )
        for row in results.rows
        if row.correct
    ]
    yield from _table(("problem", "kind", "vs eager", "vs compile", "light", "minutes"), rows)
    without = [row for row in results.rows if not row.correct]
    if without:
        yield ""
        yield f"Without a kernel: {len(without)}."
        yield from (f"- {row.id}: {row.status}: {row.reason}" for row in without)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'|'.join('---' for _ in head)}|"
    yield from (f"| {' | '.join(one.replace('|', '¦') for one in row)} |" for row in rows)


def write(found: Mapping[str, Any], path: Path) -> None:
    """One problem a line: a diff then says which changed."""
    plain = {name: value for name, value in found.items() if name != "problems"}
    head = json.dumps(plain, indent=1, ensure_ascii=False).removesuffix("\n}")
    rows = [f"  {json.dumps(name)}: {json.dumps(row, ensure_ascii=False)}" for name, row in found["problems"].items()]
    path.parent.mkdir(parents=True, exist_ok=True)
    every = ",\n".join(rows)
    path.write_text(f'{head},\n "problems": {{\n{every}\n }}\n}}\n')


def main() -> int:
    """Read, write, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of the benchmark")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    results = read_results(options.folder)
    write(published(results), options.out)
    print("\n".join(tables(results)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
