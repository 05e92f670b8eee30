"""Whether every shipped problem catches every wrong answer: ``warploom audit`` over the catalog.

    python benchmarks/audit.py                          # all of them, one after another
    python benchmarks/audit.py --problems softmax,rope

Prints a line a problem, writes JSON, and exits with 1 when a pretender survives or a reference is unsound.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from warploom.judge.auditing.advice import advise
from warploom.judge.auditing.audit import audit
from warploom.problems.cache import cache_directory
from warploom.problems.load import catalog_names, load_problem
from warploom.report.audit import audit_object
from warploom.values.audit import Audit

RESULTS = Path(__file__).parent / "results" / "audit.json"


def row(found: Audit, seconds: float) -> dict[str, Any]:
    """What is kept of one problem: counts, survivors, findings, and the pretender that came nearest to surviving."""
    problem = load_problem(found.problem)
    told = audit_object(found, {one.pretender.title: advise(problem, one) for one in found.survivors})
    caught = [one for one in found.trials if one.caught_at]
    nearest = min(caught, key=lambda one: (len(one.caught_at) / len(one.met_at), one.units))
    return {
        "problem": found.problem,
        "hash": found.hash,
        "passed": found.passed,
        "caught": len(caught),
        "absent": sum(not one.encounters for one in found.trials),
        "nearest": {
            "pretender": nearest.pretender.title,
            "caught_at": len(nearest.caught_at),
            "of": len(nearest.met_at),
        },
        "survivors": [one for one in told["trials"] if one["survived"]],
        "findings": told["findings"],
        "seconds": round(seconds, 1),
    }


def line(found: dict[str, Any]) -> str:
    """The row as printed."""
    nearest = found["nearest"]
    verdict = "passed " if found["passed"] else "WANTING"
    survivors = "".join(f"\n    survives: {one['pretender']}: {one['advice']}" for one in found["survivors"])
    findings = "".join(f"\n    {'wrong' if one['grave'] else 'remark'}: {one['what']}" for one in found["findings"])
    return (
        f"{found['problem']:<20} {verdict} {found['caught']:>3} caught, nearest: {nearest['pretender']} "
        f"({nearest['caught_at']} of {nearest['of']} workloads){survivors}{findings}"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--problems", default=",".join(catalog_names()), help="names, with commas (all)")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the JSON goes")
    options = parser.parse_args(arguments)
    rows = []
    for name in options.problems.split(","):
        begin = time.monotonic()
        rows.append(row(audit(load_problem(name), cache_directory()), time.monotonic() - begin))
        print(line(rows[-1]), flush=True)
    passed = sum(found["passed"] for found in rows)
    print(f"{passed} of {len(rows)} problems passed; {sum(found['caught'] for found in rows)} pretenders caught")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps({"command": sys.argv, "rows": rows}, indent=1) + "\n")
    return 0 if passed == len(rows) else 1


if __name__ == "__main__":
    raise SystemExit(main())
