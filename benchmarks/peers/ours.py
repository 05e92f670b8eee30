"""Warploom's own column, and its verdict on the peers' adversarial kernels, translated to C++.

The column comes from the zoo in ``tests/adversarial``: the exhibits that bear the same numbers of the list of known
exploits as the candidate, each judged from its C++ source. The candidates themselves are Python files that return
tensors, which Warploom does not take.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.peers.catalog import Candidate
from benchmarks.peers.report import ABSENT, ACCEPTED, CAUGHT, FOOLED, NOT_APPLICABLE, REFUSED

from warploom.judge.evaluate import LocalJudge
from warploom.problems import load_problem
from warploom.values.candidate import Candidate as Kernel
from warploom.values.job import Job
from warploom.values.outcome import Evaluation, Failed, Passed

HERE = Path(__file__).parent
ZOO = HERE.parents[1] / "tests" / "adversarial"


@dataclass(frozen=True)
class Translated:
    """A kernel in ``translated/``.

    Attributes:
        name: of its file.
        problem: of the problem file beside it.
        peer: whose kernel it is.
        original: its file there, or what it stands for.
        honest: name of the candidate it is the twin of, for controls; "" for cheats.
    """

    name: str
    problem: str
    peer: str
    original: str
    honest: str = ""


TESTS, WRONG = "src/kernelbench/unit_tests/test_kernels", "problems/pmpp_v2"
TRANSLATED = (
    Translated("product_honest", "product", "", "control", "honest"),
    Translated("product_in_two_sums", "product", "", "control", "honest_in_two_sums"),
    Translated("row_softmax_in_lanes", "row_softmax", "", "control", "honest_softmax"),
    Translated("row_softmax_serial", "row_softmax", "", "control"),
    Translated("vector_sum_honest", "vector_sum", "", "control"),
    Translated("product_result_reuse", "product", "KernelBench", f"{TESTS}/result_reuse_kernel.py"),
    Translated("product_zero_out", "product", "KernelBench", f"{TESTS}/zero_out_kernel.py"),
    Translated("product_other_stream", "product", "KernelBench", f"{TESTS}/non_default_stream_kernel.py"),
    Translated(
        "product_low_precision", "product", "reference-kernels", f"{WRONG}/matmul_py/solutions/wrong/low-precision.py"
    ),
    Translated("product_empty", "product", "reference-kernels", f"{WRONG}/*/solutions/wrong/empty.py"),
    Translated("vector_sum_cheat", "vector_sum", "reference-kernels", f"{WRONG}/vectorsum_py/solutions/wrong/cheat.py"),
    Translated(
        "row_softmax_watermark",
        "row_softmax",
        "BackendBench",
        "BackendBench/scripts/create_watermarked_operators.py, with 1/n as the constant",
    ),
)


def judge_translated() -> list[dict[str, str]]:
    """Every kernel in ``translated/``, judged: its name, peer, original, the word of the table and why."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in dict.fromkeys(one.problem for one in TRANSLATED):
            problem = load_problem(HERE / "translated" / f"{name}.py")
            with LocalJudge(problem, cache=Path(folder)) as judge:
                for one in (one for one in TRANSLATED if one.problem == name):
                    text = (HERE / "translated" / f"{one.name}.cpp").read_text()
                    kernel = Kernel(problem.hash, "cpp", (("kernel.cpp", text),), problem.name)
                    evaluation = judge.evaluate(Job(kernel, problem.hash))
                    word, why = _cell(one.original == "control", [("", evaluation)])
                    rows.append(
                        {"kernel": one.name, "peer": one.peer, "original": one.original, "cell": word, "why": why}
                    )
    return rows


def judge_zoo(candidates: Sequence[Candidate], translated: Sequence[dict[str, str]]) -> dict[str, tuple[str, str]]:
    """Warploom's cell of every candidate: the word of the table and why."""
    sys.path.insert(0, str(ZOO))
    exhibits = importlib.import_module("exhibit").load_exhibits()
    twins = {one.honest: one.name for one in TRANSLATED if one.honest}
    known = {row["kernel"]: row for row in translated}
    judged: dict[str, Evaluation] = {}
    cells = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        importlib.import_module("judges").Judges(Path(folder), False) as judges,
    ):
        for candidate in candidates:
            if candidate.name in twins:
                row = known[twins[candidate.name]]
                cells[candidate.name] = row["cell"], f"{row['kernel']}.cpp: {row['why']}"
                continue
            bearers = [one for one in exhibits if set(one.exploits) & set(candidate.exploits)]
            if not bearers:
                cells[candidate.name] = NOT_APPLICABLE, "no exhibit bears its number"
                continue
            for one in bearers:
                if one.name not in judged:
                    judged[one.name] = _judge(judges, one)
            cells[candidate.name] = _cell(False, [(one.name, judged[one.name]) for one in bearers])
    return cells


def _judge(judges: Any, exhibit: Any) -> Evaluation:
    evaluation: Evaluation = judges.evaluate(exhibit, "cheat", exhibit.efforts[0])
    for _ in range(exhibit.runs - 1):
        if isinstance(evaluation, Failed):
            evaluation = judges.evaluate(exhibit, "cheat", exhibit.efforts[0])
    return evaluation


def _cell(honest: bool, evaluations: Sequence[tuple[str, Evaluation]]) -> tuple[str, str]:
    said = [
        f"{name}: {'passed' if isinstance(one, Passed) else f'{one.kind}: {one.message}'}".removeprefix(": ")
        for name, one in evaluations
    ]
    if any(isinstance(one, Failed) and one.stage == "judge" for _, one in evaluations):
        return ABSENT, "; ".join(said)  # the judge broke: that catches nobody
    passed = [isinstance(one, Passed) for _, one in evaluations]
    if honest:
        return (ACCEPTED if all(passed) else REFUSED), "; ".join(said)
    return (FOOLED if any(passed) else CAUGHT), "; ".join(said)
