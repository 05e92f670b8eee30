"""OpenEvolve's example folders, unchanged: whose program gets a score in the sandbox, and what evolving it gives.

    python benchmarks/scores.py --root OPENEVOLVE [--evaluations 12] [--only function_minimization,…] [--out FILE]

An example may need packages, tools or data that are not here; then it has no score, or one of 0 with a reason. With
``--evaluations`` each that has one is evolved for so many, without a model: numbers and parts of Python change.
What the file holds of other folders stays.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from warploom.archive import journal as journals
from warploom.errors import WarploomError
from warploom.problems.importers.address import Address
from warploom.problems.importers.openevolve import EVALUATOR, PROGRAM, Folder, read_folder, score
from warploom.report.tally import Tally
from warploom.search.run import start
from warploom.values.config import RunConfig
from warploom.values.measure import SCORE

HERE = Path(__file__).parent


def outcome(root: Path, folder: Path, evaluations: int, minutes: float) -> dict[str, Any]:
    """What becomes of one folder."""
    try:
        found = read_folder(Address("openevolve", str(folder)))
        scored = score(found, found.program)
    except WarploomError as error:
        return {"score": None, "why": one_line(error, root)}
    answer: dict[str, Any] = {
        "score": scored.value,
        "stages": list(scored.stages),
        "stopped": scored.stopped,
        "artifacts": sorted(scored.artifacts),
        "unknown_keys": list(found.unknown),
    }
    if evaluations:
        answer["evolved"] = evolved(root, found, evaluations, minutes)
    return answer


def evolved(root: Path, folder: Folder, evaluations: int, minutes: float) -> dict[str, Any]:
    """What a run without a model made of it."""
    config = RunConfig(str(folder.address), evaluations=evaluations, minutes=minutes, proposer="moves")
    with tempfile.TemporaryDirectory() as place:
        try:
            with start(Path(place, "run"), config) as run:
                ended = run.go().ended
            tally = Tally()
            with journals.read(Path(place, "run")) as journal:
                for event in journal.events():
                    tally.add(event)
        except WarploomError as error:
            return {"why": one_line(error, root)}
    return {
        "best": SCORE.value(tally.promoted.fitness) if tally.promoted else None,
        "evaluations": tally.evaluations,
        "passed": tally.passed,
        "failures": dict(tally.failures),
        "ended": ended,
    }


def one_line(error: Exception, root: Path) -> str:
    """What was said, without the place of the checkout."""
    return " ".join(str(error).replace(str(root), "…").split())[:300]


def main() -> None:
    """Score every folder, evolve it, and write what came of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--root", type=Path, required=True, help="a checkout of OpenEvolve")
    parser.add_argument("--evaluations", type=int, default=0, help="of a run of each; 0 for none")
    parser.add_argument("--minutes", type=float, default=5.0, help="of a run, at most")
    parser.add_argument("--only", default="", help="these folders alone, below examples/")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "scores.json")
    options = parser.parse_args()
    examples = (options.root / "examples").absolute()
    folders = sorted(path.parent for path in examples.rglob(EVALUATOR) if any(path.parent.glob(f"{PROGRAM}.*")))
    found: dict[str, dict[str, Any]] = json.loads(options.out.read_text())["folders"] if options.out.is_file() else {}
    for folder in folders:
        name = str(folder.relative_to(examples))
        if not options.only or name in options.only.split(","):
            found[name] = outcome(examples, folder, options.evaluations, options.minutes)
            print(name, json.dumps(found[name]), flush=True)
            summary = summed(found)
            options.out.write_text(json.dumps({"summary": summary, "folders": found}, indent=1) + "\n")
    print(json.dumps(summed(found)))


def summed(found: dict[str, dict[str, Any]]) -> dict[str, int]:
    """How many there are, have a score, were evolved, and became better."""
    scored = [one for one in found.values() if one["score"] is not None]
    ran = [one for one in scored if one.get("evolved", {}).get("best") is not None]
    return {
        "folders": len(found),
        "scored": len(scored),
        "above_zero": sum(one["score"] > 0 for one in scored),
        "evolved": len(ran),
        "became_better": sum(one["evolved"]["best"] > one["score"] for one in ran),
    }


if __name__ == "__main__":
    main()
