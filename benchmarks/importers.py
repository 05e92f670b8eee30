"""How many problems of other people's suites import, and what the others lack.

    python benchmarks/importers.py --root CHECKOUT_OF_KERNELBENCH [--levels 1 2 3] [--problems 1/23,3/1-10]
    python benchmarks/importers.py --gpumode CHECKOUT [--tasks amd/moe]

Each problem is studied as ``warploom`` studies it, in a process of its own (forked, so that PyTorch is loaded once),
and the problem file is then executed and its reference, in its own type, compared with its float64 oracle as the
judge compares a kernel, at every workload. A task of GPU MODE also has its own checker look at its own reference, at
the sizes that are timed here.
Writes ``benchmarks/results/importers.json``; what it holds of other suites stays. The checkouts are not part of this
project; GPU MODE's is to be one from before 2026-06-09, when its licence changed.

Programs run as you do here, without a jail: it is a benchmark of importing.
"""

from __future__ import annotations

import argparse
import copy
import json
import secrets
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import checkouts

from warploom.judge.comparison.compare import Expected, compare
from warploom.judge.comparison.tolerance import calibrate
from warploom.judge.content import own_draws
from warploom.judge.content.inputs import draw
from warploom.judge.content.layout import STORAGE
from warploom.problems.importers import instance, study
from warploom.problems.importers.address import Address
from warploom.problems.importers.bring import FORMATS
from warploom.problems.importers.foreign import Foreign
from warploom.problems.importers.program import Program
from warploom.problems.importers.ranks import Ranks
from warploom.problems.importers.words import plain
from warploom.problems.native import execute
from warploom.values.problem import Problem, Workload
from warploom.values.shape import extents

RESULTS = Path(__file__).parent / "results" / "importers.json"
DEADLINE_S = 600


def bring_one(address: Address) -> dict[str, Any]:
    """Study a program, execute what was written and call it."""
    request = None
    try:
        found = FORMATS[address.format](address)
        files = tuple((Path(path).name, text) for path, text in found.program.files)
        request = study.Request(
            replace(found.program, files=files), plain(found.name), found.title, address.scale, checkouts.place(address)
        )
        text = study.study(request)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "problem.py")
            path.write_text(text)
            problem = execute(path)
        assert callable(problem.reference)
        itself = against_itself(problem)
        recipes = dict.fromkeys(one.recipe for one in (*problem.workloads, *problem.held_out))
        answer = {
            "imports": True,
            "title": problem.title,
            "held_out": len(problem.held_out),
            "recipes": list(recipes),
            "itself": itself,
        }
        if address.format == "gpumode":
            assert isinstance(problem.reference, Foreign)
            answer["checker"] = own_checker(problem.reference.program, problem.reference.first_setting)
        return answer
    except Exception as error:  # noqa: BLE001 - foreign code: its failure is the result
        said = study._explain(error, request) if request is not None else str(error)
        for own in filter(None, (address.root, address.place if address.format == "gpumode" else "")):
            said = said.replace(own, "…")
        return {"imports": False, "why": said}


def against_itself(problem: Problem) -> str:
    """What the judge's comparison says of the reference in its own type, at every workload: "passes", or why not."""
    reference = problem.reference
    assert callable(reference)

    def call(*inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        result = reference(*inputs)
        return tuple(result) if isinstance(result, tuple | list) else (result,)

    rng = np.random.default_rng(secrets.randbits(63))
    for workload in (*problem.held_out, *problem.workloads):
        tensors = drawn(problem, workload, rng)
        with torch.no_grad():
            expected = calibrate(call, tensors, problem, workload.extents, secrets.randbits(32))
            outputs = call(*(one.clone() for one in tensors))
        for output, wanted, (name, tensor) in zip(outputs, expected, problem.outputs.items(), strict=True):
            stored = output.contiguous().reshape(-1).view(torch.uint8).numpy().view(STORAGE[tensor.dtype])
            said = compare(stored, tensor.dtype, Expected(wanted.expected, wanted.tolerance, wanted.otherwise), -1)
            if said.guard:
                return f"at {workload}: {name}: {said.guard}: {said.detail}"
    return "passes"


def drawn(problem: Problem, workload: Workload, rng: np.random.Generator) -> list[torch.Tensor]:
    """The inputs of a workload, as the judge draws them."""
    axes = workload.extents
    if workload.recipe == "own":
        return own_draws.draw(problem, axes, secrets.randbits(31))
    found = []
    for tensor in problem.inputs.values():
        shape = extents(tensor.shape, axes)
        values = draw(tensor, workload.recipe, prod(shape), axes, rng)
        found.append(torch.from_numpy(values).view(getattr(torch, tensor.dtype)).reshape(shape))
    return found


def own_checker(program: Program, setting: Mapping[str, Any]) -> str:
    """What a task's own checker says of its own reference: "passes", or why not."""
    names = instance.run(program, setting, "cpu")
    check, reference = names.get("check_implementation"), names["ref_kernel"]
    if check is None:
        return "it has none"

    def judged(data: Any) -> Any:
        return check(data, reference(copy.deepcopy(data)))

    try:
        with torch.no_grad():
            if program.ranks:
                every = [names["generate_input"](rank=rank, **setting) for rank in range(setting["world_size"])]
                said = Ranks(judged)(every)
            else:
                said = [judged(names["generate_input"](**setting))]
    except Exception as error:  # noqa: BLE001 - foreign code: its failure is the result
        return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    # Old checkers return what is wrong, newer ones whether it is right, and why not.
    wrong = [one for one in said if (not one[0] if isinstance(one, tuple) else one)]
    return f"fails: {wrong[0]}"[:200] if wrong else "passes"


def summary(found: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """How many import, pass themselves and their own checker, by suite."""
    suites: dict[str, dict[str, int]] = {}
    for name, one in found.items():
        suite = suites.setdefault(checkouts.suite_of(name), {"problems": 0, "import": 0, "passes_itself": 0})
        suite["problems"] += 1
        suite["import"] += int(one.get("imports", False))
        suite["passes_itself"] += int(one.get("itself") == "passes")
        if name.startswith("gpumode"):
            suite["own_checker_passes"] = suite.get("own_checker_passes", 0) + int(one.get("checker") == "passes")
    return suites


def in_words(one: Mapping[str, Any]) -> str:
    """What was found of a problem, in words."""
    return str(one.get("why") or f"{one['title']}: itself: {one['itself']}")


def main() -> int:
    """Import everything, print a line each, write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    checkouts.add_options(parser, RESULTS)
    written = checkouts.go_through(parser.parse_args(), bring_one, summary, in_words, DEADLINE_S)
    print(json.dumps(written["suites"]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
