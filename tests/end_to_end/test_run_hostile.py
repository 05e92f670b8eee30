"""A run in which candidates crash, hang, eat memory, fork, flood and fill the disk spends its whole budget."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import psutil
import pytest

from warploom.archive import journal as journals
from warploom.judge.evaluate import LocalJudge
from warploom.problems.load import load_problem
from warploom.sandbox.lease import Lease
from warploom.sandbox.limits import Limits
from warploom.search.executor import LocalExecutor
from warploom.search.sitting import Parts, begin, go_on
from warploom.values.candidate import Candidate, Lineage, Proposal
from warploom.values.config import RunConfig
from warploom.values.event import Evaluated
from warploom.values.request import Feedback, Request

PROBLEM = """
from warploom.values.problem import Problem, Tensor, Workload

def twice(x):
    return x + x

problem = Problem(
    name="twice",
    axes=("n",),
    inputs={"x": Tensor("n")},
    outputs={"out": Tensor("n")},
    reference=twice,
    workloads=[Workload(n=65536)],
    held_out=[Workload(n=1), Workload(n=37)],
)
"""

HEAD = """#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <unistd.h>
"""
HONEST = """
extern "C" void twice(const float* x, float* out, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    out[i] = 2.0f * x[i];
  }
}
"""
HOSTILE = {
    "segfault": "  *(volatile int*)8 = 1;\n",
    "hang": "  for (volatile int i = 0;; ++i) {\n  }\n",
    "memory": "  for (;;) {\n    char* p = (char*)malloc(1 << 24);\n    if (p) memset(p, 1, 1 << 24);\n    else abort();\n  }\n",
    "forks": "  for (;;) {\n    if (fork() == 0) {\n      pause();\n    }\n  }\n",
    "flood": '  for (;;) {\n    puts("a line of nothing at all, again and again and again");\n  }\n',
    "disk": '  for (int f = 0;; ++f) {\n    char name[64];\n    sprintf(name, "/tmp/%d", f);\n'
    '    FILE* file = fopen(name, "w");\n    if (!file) abort();\n    static char block[1 << 20];\n'
    "    for (int b = 0; b < 8; ++b) if (fwrite(block, 1, sizeof block, file) < sizeof block) abort();\n"
    "    fclose(file);\n  }\n",
}
EVALUATIONS = 16
CALL_SECONDS = 2.0


class Mixed:
    """Honest kernels, and one of each hostile kind among them."""

    name = "mixed"

    def __init__(self, problem: str) -> None:
        self._problem = problem
        self._kinds = dict(zip(random.Random(0).sample(range(2, EVALUATIONS), len(HOSTILE)), HOSTILE, strict=True))

    async def propose(self, request: Request) -> Proposal:
        kind = self._kinds.get(request.number)
        text = f"// {request.number}\n{HEAD}{HONEST}"
        if kind:
            text = text.replace("int64_t n) {\n", f"int64_t n) {{\n{HOSTILE[kind]}", 1)
        candidate = Candidate(self._problem, "cpp", (("twice.cpp", text),), "twice")
        return Proposal(candidate, Lineage((request.parents[0].candidate.id,), self.name, kind or "honest"))

    def tell(self, feedback: Feedback) -> None:
        pass

    def declined(self, request: Request) -> None:
        pass

    def snapshot(self) -> dict[str, object]:
        return {}

    def restore(self, state: object) -> None:
        pass


@pytest.mark.torch
@pytest.mark.usefixtures("brief", "eager_only")
def test_a_run_with_hostile_candidates_spends_its_whole_budget(tmp_path: Path, judge_cache: Path) -> None:
    (tmp_path / "twice.py").write_text(PROBLEM)
    problem = load_problem(tmp_path / "twice.py")
    seed = Candidate(problem.hash, "cpp", (("twice.cpp", HEAD + HONEST),), "twice")
    config = RunConfig(str(tmp_path / "twice.py"), evaluations=EVALUATIONS)
    before = set(psutil.Process().children(recursive=True))
    operators: dict[str, str] = {}
    verified: dict[str, float] = {}
    limits = Limits(call_seconds=CALL_SECONDS, memory_bytes=256 << 20)
    with LocalJudge(problem, cache=judge_cache, limits=limits, lease=Lease(tmp_path / "lease")) as judge:
        judge.prepare()
        parts = Parts(LocalExecutor(judge), lambda _: Mixed(problem.hash), {})
        with begin(tmp_path / "run", config, problem, seed, parts) as run:
            summary = run.go()
        with go_on(journals.reopen(tmp_path / "run"), seed, parts) as again:
            assert again.go() == summary
    with journals.read(tmp_path / "run") as journal:
        outcomes = {event.candidate: event for event in journal.events() if isinstance(event, Evaluated)}
        for candidate in outcomes:
            judged = journal.evaluation(candidate, "screen")
            assert judged
            verified[candidate] = judged.elapsed_ns["verify"] / 1e9
            operators[candidate] = journal.proposal(candidate).lineage.operator
    assert summary.evaluations == EVALUATIONS
    assert summary.best
    for candidate, event in outcomes.items():
        kind = operators[candidate]
        if kind in HOSTILE:
            assert event.outcome != "passed", f"{kind}: {event}"
            if kind == "hang":
                assert verified[candidate] >= CALL_SECONDS
        else:
            assert event.outcome == "passed", event
    assert Counter(operators.values())["honest"] == EVALUATIONS - 1 - len(HOSTILE)
    kinds = {operators[candidate]: event.outcome for candidate, event in outcomes.items()}
    assert kinds["segfault"] == "crash"
    assert kinds["hang"] == "timeout"
    left = [one for one in set(psutil.Process().children(recursive=True)) - before if one.is_running()]
    _, alive = psutil.wait_procs(left, timeout=60)
    assert not alive
