"""OpenEvolve's example folders, unchanged: whose initial program gets a score in the sandbox, and why others get none.

    python benchmarks/scores.py --root OPENEVOLVE [--out benchmarks/results/scores.json]

An example may need packages, tools or data that are not here; then it has no score, or one of 0 with a reason.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from warploom.errors import ProblemError
from warploom.problems.importers.address import Address
from warploom.problems.importers.openevolve import EVALUATOR, PROGRAM, read_folder, score

HERE = Path(__file__).parent


def outcome(root: Path, folder: Path) -> dict[str, Any]:
    """What becomes of one folder."""
    try:
        found = read_folder(Address("openevolve", str(folder)))
        scored = score(found, found.program)
    except ProblemError as error:
        return {"score": None, "why": " ".join(str(error).replace(str(root), "…").split())[:300]}
    return {
        "score": scored.value,
        "stages": list(scored.stages),
        "stopped": scored.stopped,
        "artifacts": sorted(scored.artifacts),
        "unknown_keys": list(found.unknown),
    }


def main() -> None:
    """Score every folder and write what came of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--root", type=Path, required=True, help="a checkout of OpenEvolve")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "scores.json")
    options = parser.parse_args()
    examples = (options.root / "examples").absolute()
    folders = sorted(path.parent for path in examples.rglob(EVALUATOR) if any(path.parent.glob(f"{PROGRAM}.*")))
    found = {str(folder.relative_to(examples)): outcome(examples, folder) for folder in folders}
    scored = [one for one in found.values() if one["score"] is not None]
    summary = {
        "folders": len(found),
        "scored": len(scored),
        "above_zero": sum(one["score"] > 0 for one in scored),
    }
    options.out.write_text(json.dumps({"summary": summary, "folders": found}, indent=1) + "\n")
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
