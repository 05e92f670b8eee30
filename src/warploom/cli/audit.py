"""``warploom audit``: is a problem itself any good?"""

from __future__ import annotations

from typing import Annotated

import typer

from warploom.cli.console import Json, ProblemWord, aside, out, print_json
from warploom.judge.auditing import advice
from warploom.judge.auditing.audit import audit as try_pretenders
from warploom.problems.load import cache_directory, load_problem
from warploom.report.audit import audit_object, render_audit


def audit(
    problem: ProblemWord,
    json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Do not tell what is being done.")] = False,
) -> int:
    """Try wrong answers on a problem's checks; exit code 0 when all are caught and the reference is sound, else 1.

    The wrong answers: constants, old answers, lower precision, part of the work, right in some cases only.
    """
    loaded = load_problem(problem)
    console = aside()
    if not quiet:
        console.print(f"{loaded.name}: {loaded.title}", style="dim", markup=False)
    found = try_pretenders(
        loaded,
        cache_directory(),
        say=(lambda line: None) if quiet else (lambda line: console.print(line, style="dim")),
    )
    advised = {trial.pretender.title: advice.advise(loaded, trial) for trial in found.survivors}
    if json:
        print_json(audit_object(found, advised))
    else:
        out().print(render_audit(found, advised))
    return 0 if found.passed else 1
