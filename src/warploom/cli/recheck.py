"""``warploom recheck``: exported kernels against the PyTorch of today, for CI."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from warploom.cli.console import Json, aside, out, print_json
from warploom.errors import ConfigError
from warploom.export.advantage import Advantage, Verdict, advantage, find_kernels, worst
from warploom.export.gather import BASELINES, read_variant
from warploom.judge.evaluate import LocalJudge
from warploom.problems.load import cache_directory, locate
from warploom.problems.native import read, text_hash
from warploom.search.best.evidence import ends
from warploom.search.best.recheck import claimed_problem
from warploom.values.outcome import Failed

STYLE: dict[Verdict, str] = {"faster": "green", "undecided": "yellow", "not faster": "red", "failed": "red"}


def recheck(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH…", help="Exports, installed packages, best/ folders, or folders of those."),
    ],
    problem: Annotated[
        list[str] | None,
        typer.Option("--problem", help="A problem file of a kernel, repeatable. [default: found by the evidence]"),
    ] = None,
    over: Annotated[
        str,
        typer.Option("--over", help=f"{' or '.join(BASELINES)}. [default: what the export was made over, or eager]"),
    ] = "",
    strict: Annotated[bool, typer.Option("--strict", help="Undecided is a failure too.")] = False,
    json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Do not tell what is being done.")] = False,
) -> int:
    """Judge exported kernels anew and time every shape of their tables against the PyTorch that is here.

    Exit code 0 when all are right and faster, 1 when one is wrong or has lost its advantage, 2 when an export cannot
    be used.
    """
    if over and over not in BASELINES:
        raise ConfigError(f"--over {over!r}: a baseline is one of {', '.join(BASELINES)}")
    console = aside()
    progress = None if quiet else lambda line: console.print(line, style="dim", markup=False)
    words = problem or []
    files = {text_hash(read(locate(word))): word for word in words}
    found: list[Advantage] = []
    for place in [place for path in paths for place in find_kernels(path)]:
        variant = read_variant(place)
        word = files.get(variant.evidence.document["problem"]["reference"]["sha256"], "")
        loaded = claimed_problem(variant.evidence, word)
        language = variant.evidence.candidate.language
        with LocalJudge(loaded, cache=cache_directory(), progress=progress, language=language) as judge:
            found.append(advantage(variant, over, judge, judge.describe()))
        if not json:
            _print(found[-1])
    verdict = worst(one.verdict for one in found)
    if json:
        print_json({"verdict": verdict, "kernels": [_object(one) for one in found]})
    return 1 if verdict in ("failed", "not faster") or (strict and verdict == "undecided") else 0


def _print(one: Advantage) -> None:
    console = out()
    document = one.found.evidence.document
    console.print(
        Text.assemble(
            (str(document["problem"]["name"]), "bold"), f" {document['candidate']}: ", (one.verdict, STYLE[one.verdict])
        )
    )
    if isinstance(one.found.evaluation, Failed):
        said = one.found.evaluation
        console.print(Text(f"  {said.kind}: {said.message}"), soft_wrap=True)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("shape", "over", "claimed", "here", ""):
        table.add_column(name, overflow="fold")
    for shape in one.shapes:
        table.add_row(
            Text(str(shape.workload)),
            shape.baseline,
            str(shape.claimed),
            str(shape.here or "failed"),
            Text(shape.verdict, STYLE[shape.verdict]),
        )
    console.print(table)
    console.print(Text(_differing(one), style="dim"), soft_wrap=True)


def _differing(one: Advantage) -> str:
    if not one.found.differences:
        return "the same processor, compiler and PyTorch as in the evidence"
    listed: Sequence[str] = [f"{each.name} {each.there} → {each.here}" for each in one.found.differences]
    return f"differs from the evidence: {'; '.join(listed)}"


def _object(one: Advantage) -> dict[str, Any]:
    document, evaluation = one.found.evidence.document, one.found.evaluation
    failure = {"kind": evaluation.kind, "message": evaluation.message} if isinstance(evaluation, Failed) else None
    return {
        "evidence": str(one.found.evidence.path),
        "problem": document["problem"]["name"],
        "candidate": document["candidate"],
        "verdict": one.verdict,
        "standing": one.found.standing,
        "failure": failure,
        "noise_floor": one.found.noise_floor,
        "differences": [{"name": each.name, "there": each.there, "here": each.here} for each in one.found.differences],
        "shapes": [
            {
                "workload": str(shape.workload),
                "baseline": shape.baseline,
                "claimed": ends(shape.claimed),
                "here": ends(shape.here) if shape.here else None,
                "verdict": shape.verdict,
            }
            for shape in one.shapes
        ],
    }
