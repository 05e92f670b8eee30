"""The writer in a real run: a script stands for the model, everything else is real. One candidate of each operator."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from warploom.archive import journal as journals
from warploom.archive.journal import Journal
from warploom.judge.evaluate import LocalJudge
from warploom.problems.load import load_problem
from warploom.propose.writer import Writer
from warploom.propose.writing.operators import OPERATORS
from warploom.sandbox.lease import Lease
from warploom.search.executor import LocalExecutor
from warploom.search.proposers import JournalKnowledge
from warploom.search.sitting import Parts, begin
from warploom.testing.minds import Script, ScriptedMind
from warploom.values.behaviour import Resolution
from warploom.values.candidate import Candidate, Proposal
from warploom.values.config import RunConfig
from warploom.values.event import Declined, Evaluated
from warploom.values.job import Job
from warploom.values.outcome import Evaluation
from warploom.values.problem import Problem
from warploom.values.request import Feedback, Individual, Request

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("eager_only")]

PROBLEM = """
from warploom.values.problem import Problem, Tensor, Workload

def weighted(x, weight):
    return x @ weight

problem = Problem(
    name="weighted",
    axes=("rows", "cols"),
    inputs={"x": Tensor("rows cols"), "weight": Tensor("cols")},
    outputs={"out": Tensor("rows")},
    reference=weighted,
    workloads=[Workload(rows=256, cols=1024)],
    held_out=[Workload(rows=1, cols=1), Workload(rows=13, cols=37)],
)
"""
HEAD = "#include <cstdint>\n\n// EVOLVE-BLOCK-START\n"
OPENING = 'extern "C" void weighted(const float* x, const float* weight, float* out, int64_t rows, int64_t cols) {\n'
INNER = "        for (int64_t j = 0; j < cols; ++j) {\n            sum += x[i * cols + j] * weight[j];\n        }\n"
ROW = f"    for (int64_t i = 0; i < rows; ++i) {{\n        float sum = 0.0f;\n{INNER}        out[i] = sum;\n    }}\n"
SEED = f"{HEAD}{OPENING}{ROW}}}\n// EVOLVE-BLOCK-END\n"

PARALLEL = "    #pragma omp parallel for\n"
HALVES = INNER.replace("cols; ++j", "cols / 2; ++j") + INNER.replace("j = 0", "j = cols / 2")
TILE = ROW.replace("float sum = 0.0f;", "float part[8] = {0.0f};\n        float sum = 0.0f;").replace(
    "out[i] = sum;", "part[0] = sum;\n        out[i] = part[0];"
)
FOUR = """    for (int64_t i = 0; i < rows; ++i) {
        float a = 0.0f, b = 0.0f, c = 0.0f, d = 0.0f;
        const int64_t whole = cols / 4 * 4;
        for (int64_t j = 0; j < whole; j += 4) {
            a += x[i * cols + j] * weight[j];
            b += x[i * cols + j + 1] * weight[j + 1];
            c += x[i * cols + j + 2] * weight[j + 2];
            d += x[i * cols + j + 3] * weight[j + 3];
        }
        for (int64_t j = whole; j < cols; ++j) {
            a += x[i * cols + j] * weight[j];
        }
        out[i] = (a + b) + (c + d);
    }
"""


def fenced(body: str, before: str = "") -> str:
    return f"IDEA: so\n```cpp\n{before}{OPENING}{body}}}\n```\n"


EDIT = f"<<<<<<< SEARCH\n{INNER}=======\n{HALVES}>>>>>>> REPLACE\n"
BROKEN = FOUR.replace("(c + d)", "(c - d)")
STEPS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("improve", "", (f"IDEA: halves\n{EDIT.replace('cols; ++j', 'columns; ++j', 1)}", f"IDEA: halves\n{EDIT}")),
    ("rewrite", "", (fenced(PARALLEL + ROW),)),
    ("explore", "", ("A plan: keep the sums in a tile.", fenced(TILE))),
    ("crossover", "explore", (fenced(PARALLEL + TILE),)),
    ("rewrite", "", (fenced(BROKEN),)),
    ("repair", "", ("IDEA: the sign\n<<<<<<< SEARCH\n(c - d)\n=======\n(c + d)\n>>>>>>> REPLACE\n",)),
    ("rewrite", "", (fenced(PARALLEL + ROW.replace("int64_t j", "int64_t k").replace("j", "k")),) * 2),
    ("simplify", "repair", (fenced(PARALLEL + ROW.replace(INNER, HALVES)),)),
    (
        "parameterise",
        "",
        (fenced(PARALLEL.replace("for", "for schedule(static, CHUNK)") + FOUR, "TUNE(CHUNK, 8, 4, 8)\n"),),
    ),
)
"""Operator, the operator whose candidate is the parent ("": the seed), and what the model says. Each makes another kind of kernel, so
that a place in the archive does not hang on a timing."""


class ScreenedOnce:
    """The real judge, but what it screened it does not measure again: promotions are another test's matter."""

    def __init__(self, judge: LocalJudge) -> None:
        self._executor = LocalExecutor(judge, 1)
        self._screened: dict[str, Evaluation] = {}

    async def submit(self, job: Job) -> Evaluation:
        if job.effort == "promote":
            return self._screened[job.candidate.id]
        self._screened[job.candidate.id] = await self._executor.submit(job)
        return self._screened[job.candidate.id]


class Ordered:
    """The writer, asked for one operator after another on chosen parents."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._made: dict[str, Individual] = {}
        self.name = writer.name
        self.declined, self.snapshot, self.restore = writer.declined, writer.snapshot, writer.restore

    async def propose(self, request: Request) -> Proposal:
        operator, start, _ = STEPS[request.number - 1]
        parents = (self._made[start],) if start else (self._made["seed"],)
        others = (self._made["rewrite"],) if "rewrite" in self._made else ()
        return await self._writer.propose(replace(request, operator=operator, parents=parents, inspirations=others))

    def tell(self, feedback: Feedback) -> None:
        made = feedback.proposal
        if feedback.fitness is not None:
            name = made.lineage.operator or "seed"
            self._made[name] = Individual(made.candidate, made.lineage, feedback.fitness, (0, 0, 0))
        self._writer.tell(feedback)


@pytest.fixture(scope="module")
def problem(tmp_path_factory: pytest.TempPathFactory) -> Problem:
    folder = tmp_path_factory.mktemp("writer")
    (folder / "weighted.py").write_text(PROBLEM)
    return load_problem(folder / "weighted.py", cache=folder)


def test_each_operators_candidate_reaches_the_archive(problem: Problem, judge_cache: Path, tmp_path: Path) -> None:
    seed = Candidate(problem.hash, "cpp", (("weighted.cpp", SEED),), "weighted")
    script: Script = [answer for _, _, answers in STEPS for answer in answers]
    minds: list[ScriptedMind] = []
    with LocalJudge(problem, cache=judge_cache, lease=Lease(tmp_path / "lease")) as judge:

        def make(journal: Journal) -> Ordered:
            minds.append(ScriptedMind(script, journal.conversations))
            return Ordered(
                Writer(problem, minds[0], JournalKnowledge(journal, judge.describe()), Resolution((4, 4, 4)))
            )

        config = RunConfig("weighted", evaluations=len(STEPS))
        with begin(tmp_path / "run", config, problem, seed, Parts(ScreenedOnce(judge), make)) as run:
            run.state.resolution = Resolution((4, 4, 4))
            run.go()
            archived = {
                one.candidate.id: one.lineage for island in run.state.archive.islands for one in island.everyone()
            }
    with journals.read(tmp_path / "run") as journal:
        events = list(journal.events())
        prompts = {operator: journal.conversations.of(1 + place) for place, (operator, _, _) in enumerate(STEPS)}
    judged = [event for event in events if isinstance(event, Evaluated)]
    reached = {lineage.operator for lineage in archived.values()}
    assert reached >= set(OPERATORS), [(event.outcome, event.status, event.cell) for event in judged]
    assert [event.outcome for event in judged].count("wrong_result") == 1
    assert len(judged) == len(STEPS), "a near-duplicate cost no evaluation"
    duplicates = [event for event in events if isinstance(event, Declined)]
    assert len(duplicates) == 1
    assert "the same as one judged before" in duplicates[0].reason
    assert minds[0].spending.requests == len(list(script))
    repair = prompts["repair"][0].messages[1].text
    assert "its results are wrong" in repair
    assert "(c - d)" in repair
    assert "The nearest text is:" in prompts["improve"][1].messages[-1].text
    mended = next(lineage for lineage in archived.values() if lineage.operator == "repair")
    assert (mended.proposer, mended.prompt) == ("llm:scripted", prompts["repair"][0].id)
    assert {"llm:scripted", "seed"} == {lineage.proposer for lineage in archived.values()}
