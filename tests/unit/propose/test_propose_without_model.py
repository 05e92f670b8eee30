from __future__ import annotations

from dataclasses import replace

import anyio
import pytest

from warploom.errors import NothingToPropose
from warploom.propose.moves.cpp.book import FLAG_SETS
from warploom.propose.without_model import LATE, OPERATOR_PRIORS, WithoutModel
from warploom.values.candidate import Candidate, Lineage, Proposal
from warploom.values.outcome import Failed
from warploom.values.problem import Problem, Reference, Tensor, Workload
from warploom.values.request import Feedback, Individual, Request

SOURCE = """// EVOLVE-BLOCK-START
extern "C" void f(const float* x, float* out, int64_t rows, int64_t cols) {
    for (int64_t i = 0; i < rows; ++i) {
        float sum = 0.0f;
        for (int64_t j = 0; j < cols; ++j) {
            sum += x[i * cols + j];
        }
        for (int64_t j = 0; j < cols; ++j) {
            out[i * cols + j] = x[i * cols + j] / sum;
        }
    }
}
// EVOLVE-BLOCK-END
"""
ROOT = Candidate("p", "cpp", (("kernel.cpp", SOURCE),), "f")
PROBLEM = Problem(
    "f",
    ("rows", "cols"),
    {"x": Tensor("rows cols")},
    {"out": Tensor("rows cols")},
    Reference("problem.py", "f", "0"),
    [Workload(rows=4, cols=4)],
)
SEED = Individual(ROOT, Lineage(), 0.0, (0, 0, 0))
FAILED = Failed("build", "compile_error", "no")


def _request(
    number: int, parent: Individual = SEED, progress: float = 0.5, others: tuple[Individual, ...] = ()
) -> Request:
    return Request(number, "", (parent,), others, None, 0, seed=number * 7919, progress=progress)


def _propose(proposer: WithoutModel, request: Request) -> Proposal:
    return anyio.run(proposer.propose, request)


def _tell(proposer: WithoutModel, request: Request, proposal: Proposal, fitness: float | None) -> None:
    proposer.tell(Feedback(request, proposal, FAILED, fitness, request.parents[0].fitness, 0.0, "new", 1.0))


def _many(
    proposer: WithoutModel,
    parent: Individual,
    count: int,
    progress: float = 0.9,
    others: tuple[Individual, ...] = (),
) -> list[Proposal]:
    made = []
    for number in range(100, 100 + count):
        try:
            made.append(_propose(proposer, _request(number, parent, progress, others)))
        except NothingToPropose:
            continue
    return made


def _operators(proposals: list[Proposal]) -> set[str]:
    return {proposal.lineage.operator.partition(":")[0] for proposal in proposals}


@pytest.fixture(scope="module")
def parent() -> Individual:
    proposal = _propose(WithoutModel(PROBLEM), _request(1))
    return Individual(proposal.candidate, proposal.lineage, 1.0, (1, 0, 1))


@pytest.fixture
def proposer() -> WithoutModel:
    made = WithoutModel(PROBLEM)
    _tell(made, _request(0), Proposal(ROOT, Lineage()), 0.0)
    return made


def test_the_first_requests_get_the_composites_of_the_book(proposer: WithoutModel) -> None:
    proposals = [_propose(proposer, _request(number)) for number in range(1, 4)]
    assert {proposal.lineage.operator for proposal in proposals} == {"open"}
    assert len({proposal.candidate.id for proposal in proposals}) == 3
    assert "load16" in proposals[0].candidate.source
    assert "omp parallel for" in proposals[0].candidate.source


def test_a_proposal_depends_on_the_request_alone(proposer: WithoutModel, parent: Individual) -> None:
    twin = WithoutModel(PROBLEM)
    _tell(twin, _request(0), Proposal(ROOT, Lineage()), 0.0)
    for number in (40, 41, 42):
        assert _propose(proposer, _request(number, parent)) == _propose(twin, _request(number, parent))


def test_what_was_told_is_not_proposed_again(proposer: WithoutModel, parent: Individual) -> None:
    request = _request(50, parent)
    first = _propose(proposer, request)
    _tell(proposer, request, first, None)
    assert _propose(proposer, request).candidate.id != first.candidate.id


def test_every_operator_makes_candidates(proposer: WithoutModel, parent: Individual) -> None:
    partner = _propose(proposer, _request(3))
    other = Individual(partner.candidate, partner.lineage, 0.5, (0, 1, 1))
    for number in range(12):  # flags are rare until they have paid
        told = Proposal(Candidate("p", "cpp", (("kernel.cpp", f"{number}"),), "f"), Lineage((), "moves", "flags"))
        _tell(proposer, _request(400 + number, parent), told, 9.0)
    made = _many(proposer, parent, 140, others=(other,))
    assert _operators(made) == set(OPERATOR_PRIORS)


def test_without_crossover_there_is_none(parent: Individual) -> None:
    proposer = WithoutModel(PROBLEM, crossover=False)
    _tell(proposer, _request(0), Proposal(ROOT, Lineage()), 0.0)
    other = replace(parent, cell=(2, 2, 2))
    made = _many(proposer, parent, 60, others=(other,))
    assert made
    assert "cross" not in _operators(made)


def test_flags_are_for_the_end_of_a_run(proposer: WithoutModel, parent: Individual) -> None:
    early = _many(proposer, parent, 60, progress=LATE - 0.1)
    for number in range(12):
        told = Proposal(Candidate("p", "cpp", (("kernel.cpp", f"{number}"),), "f"), Lineage((), "moves", "flags"))
        _tell(proposer, _request(400 + number, parent), told, 9.0)
    late = _many(proposer, parent, 30, progress=0.95)
    assert not any(p.candidate.build_flags for p in _many(proposer, parent, 30, progress=LATE - 0.1))
    assert all(not proposal.candidate.build_flags for proposal in early)
    assert any(proposal.candidate.build_flags in FLAG_SETS for proposal in late)


@pytest.mark.parametrize("learning", [True, False])
def test_operators_that_pay_are_used_more_when_the_bandit_learns(parent: Individual, learning: bool) -> None:
    proposer = WithoutModel(PROBLEM, bandit=learning)
    _tell(proposer, _request(0), Proposal(ROOT, Lineage()), 0.0)

    def share() -> float:
        made = _many(proposer, parent, 40)
        return sum(proposal.lineage.operator == "undo" for proposal in made) / len(made)

    before = share()
    for number in range(30):
        for operator in OPERATOR_PRIORS:
            lineage = Lineage((parent.candidate.id,), "moves", operator)
            told = Proposal(Candidate("p", "cpp", (("kernel.cpp", f"{number} {operator}"),), "f"), lineage)
            _tell(proposer, _request(500 + number, parent), told, 2.0 if operator == "undo" else None)
    assert (share() > before + 0.2) is learning


def test_a_restored_proposer_goes_on_alike(proposer: WithoutModel, parent: Individual) -> None:
    for number, proposal in enumerate(_many(proposer, parent, 8)):
        _tell(proposer, _request(60 + number, parent), proposal, 1.0 + number / 100)
    twin = WithoutModel(PROBLEM)
    twin.restore(proposer.snapshot())
    after = _many(proposer, parent, 8)
    assert after
    assert after == _many(twin, parent, 8)


def test_tuned_lines_of_the_source_are_searched() -> None:
    source = SOURCE.replace("START\n", "START\nTUNE(FACTOR, 1, 1, 2, 4)\n")
    seed = Individual(Candidate("p", "cpp", (("kernel.cpp", source),), "f"), Lineage(), 0.0, (0, 0, 0))
    proposer = WithoutModel(PROBLEM)
    _tell(proposer, _request(0), Proposal(seed.candidate, Lineage()), 0.0)
    values = {dict(proposal.candidate.parameters).get("FACTOR") for proposal in _many(proposer, seed, 40)}
    assert {2, 4} <= values


def test_a_line_of_steps_starts_from_its_root(proposer: WithoutModel, parent: Individual) -> None:
    for proposal in _many(proposer, parent, 10):
        assert proposal.lineage.root in ("", ROOT.id)
        assert parent.candidate.id in proposal.lineage.parents
