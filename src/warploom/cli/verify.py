"""``warploom verify``: does a claimed speedup hold on this machine?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from warploom.cli.console import Json, aside, out, print_json
from warploom.judge.evaluate import LocalJudge
from warploom.problems.load import cache_directory
from warploom.report.claim import recheck_object, render_recheck
from warploom.search.best.evidence import read_evidence
from warploom.search.best.recheck import claimed_problem, recheck


def verify(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A run's best/ folder, or its evidence.json.")],
    problem: Annotated[
        str,
        typer.Option("--problem", help="Catalog name or problem file of the claim. [default: found by the evidence]"),
    ] = "",
    json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Do not tell what is being done.")] = False,
) -> int:
    """Judge a promoted kernel again from scratch, on this machine, with new secret inputs.

    Exit code 0 when the claim holds here, 1 when it does not (weaker, undecided or wrong), 2 when the evidence cannot
    be used.
    """
    evidence = read_evidence(path)
    loaded = claimed_problem(evidence, problem)
    console = aside()
    progress = None if quiet else lambda line: console.print(line, style="dim", markup=False)
    with LocalJudge(loaded, cache=cache_directory(), progress=progress, language=evidence.candidate.language) as judge:
        found = recheck(evidence, judge, judge.describe())
    if json:
        print_json(recheck_object(found))
    else:
        out().print(render_recheck(found))
    return 0 if found.standing == "holds" else 1
