"""Moves, crossover and parameters on OpenCL: its book, its support code, its words in what is proposed."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from warploom.archive.descriptors import describe
from warploom.errors import ConfigError, NothingToPropose
from warploom.problems.load import CATALOG
from warploom.propose.moves.book import COMPOSITES, MOVES
from warploom.propose.moves.books import Book, book_of
from warploom.propose.moves.support import NEEDS, in_opencl, text_of, with_support
from warploom.propose.without_model import WithoutModel
from warploom.search.proposers import Resting, make_proposer, settle
from warploom.syntax import opencl, tune
from warploom.syntax.cpp.tree import Unit
from warploom.toolchain.opencl import OpenClToolchain
from warploom.toolchain.opencl_find import HOW_TO_GET, find_pocl
from warploom.values.candidate import Candidate, Lineage, Proposal
from warploom.values.config import RunConfig
from warploom.values.outcome import Build, Failed
from warploom.values.problem import Problem, Reference, Tensor, Workload
from warploom.values.request import Feedback, Individual, Request
from warploom.values.signature import Argument, Signature

present = pytest.mark.skipif(find_pocl() is None, reason=f"PoCL is not installed: {HOW_TO_GET}")

SOURCE = (CATALOG / "softmax" / "seed.cl").read_text()
ROOT = Candidate("p", "opencl", (("softmax.cl", SOURCE),), "softmax")
PROBLEM = Problem(
    "softmax",
    ("rows", "cols"),
    {"x": Tensor("rows cols")},
    {"out": Tensor("rows cols")},
    Reference("problem.py", "softmax", "0"),
    [Workload(rows=4, cols=4)],
)
SIGNATURE = Signature(
    "softmax",
    (
        Argument("x", "float32", "input"),
        Argument("out", "float32", "output"),
        Argument("rows", "int64", "axis"),
        Argument("cols", "int64", "axis"),
    ),
)
SEED = Individual(ROOT, Lineage(), 0.0, (0, 0, 0))


def propose(number: int, operator: str = "", progress: float = 0.9, others: tuple[Individual, ...] = ()) -> Proposal:
    request = Request(number, operator, (SEED,), others, None, 0, seed=number * 7919, progress=progress)
    return anyio.run(WithoutModel(PROBLEM, language="opencl").propose, request)


def test_its_book_has_no_move_that_needs_threads_or_memory_of_its_own() -> None:
    names = {move.name for move in book_of("opencl").moves}
    assert {"vectorise", "register_block", "interchange"} <= names
    assert not names & {"parallel", "pack", "unpack", "stream_stores"}
    for composite in book_of("opencl").composites:
        assert {pick.move for pick in composite.picks} <= names
    assert len(book_of("cpp").composites) == len(COMPOSITES)
    assert book_of("cpp").moves == MOVES
    assert book_of("triton") == Book()


def test_the_first_proposals_are_vectors_in_opencl() -> None:
    text = propose(1).candidate.source
    assert "typedef float16 f32x16;" in text
    assert "vector_size" not in text
    assert "load16(" in text
    assert "__kernel void softmax(__global const float* x, __global float* out, long rows, long cols)" in text
    assert "\nLAUNCH(grid=" in text
    assert [line.name for line in tune.declared(text)] == ["ROWS", "GROUP"]


def test_the_tuner_moves_the_launch() -> None:
    proposal = propose(200, "tune")
    assert proposal.lineage.operator == "tune"
    assert {name for name, _ in proposal.candidate.parameters} == {"ROWS", "GROUP"}


def test_two_parents_are_crossed() -> None:
    partner = propose(1)
    proposal = propose(300, "crossover", others=(Individual(partner.candidate, partner.lineage, 0.5, (0, 1, 1)),))
    assert proposal.lineage.operator == "cross"
    assert "__kernel void softmax(" in proposal.candidate.source


def test_flags_are_opencls() -> None:
    proposer = WithoutModel(PROBLEM, language="opencl")
    request = Request(500, "moves", (SEED,), (), None, 0, seed=1, progress=0.9)
    failed = Failed("build", "compile_error", "no")
    for number in range(40):  # flags are rare until they have paid
        other = Candidate("p", "opencl", (("softmax.cl", f"{number}"),), "softmax")
        told = Proposal(other, Lineage((), "moves", "flags"))
        proposer.tell(Feedback(request, told, failed, 9.0, 0.0, 0.0, "new", 1.0))
    made = [anyio.run(proposer.propose, replace(request, seed=seed)).candidate.build_flags for seed in range(6)]
    assert set(made) - {()}
    assert set(made) - {()} <= set(book_of("opencl").flag_sets)


def test_a_run_proposes_in_its_language(tmp_path: Path) -> None:
    config = RunConfig("softmax", target="opencl")
    proposer = make_proposer(config, PROBLEM, {}, Resting(), None)  # type: ignore[arg-type]
    request = Request(1, "", (SEED,), (), None, 0, seed=1, progress=0.0)
    assert "typedef float16" in anyio.run(proposer.propose, request).candidate.source


def test_models_are_not_asked_for_opencl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "a key")
    for proposer in ("llm", "mix", "command:cat"):
        with pytest.raises(ConfigError, match="--target opencl takes --proposer moves"):
            settle(RunConfig("softmax", target="opencl", proposer=proposer, models=("some",)))
    assert settle(RunConfig("softmax", target="opencl", proposer="auto", models=("some",))).proposer == "moves"


def test_support_code_that_is_not_there_is_declined() -> None:
    assert "typedef float16" in opencl.write(in_opencl(with_support(Unit(()), "exp16")))
    with pytest.raises(NothingToPropose, match="'scratch' is not there in OpenCL"):
        in_opencl(with_support(Unit(()), "scratch"))


@pytest.mark.parametrize("topic", ["vectors", "across", "exp", "exp_poly"])
def test_each_support_text_has_the_functions_of_its_twin(topic: str) -> None:
    """But for overloads of load16, which differ in their types, and ``float16``, which is a type in OpenCL."""

    def names(text: str) -> set[str]:
        return set(re.findall(r"(\w+16|exp_poly|part16)\([^()]*\)\s*\{", text))

    assert topic in NEEDS
    assert names(text_of(topic)) - {"float16"} <= names(text_of(topic, "cl"))


def test_a_kernel_is_described_as_work_groups() -> None:
    assert describe(ROOT, {})[2] == 2
    assert describe(propose(1).candidate, {})[2] == 3
    assert describe(ROOT, {})[1] == 0  # three passes


@present
@pytest.mark.parametrize("number", [1, 2, 3])
def test_what_is_proposed_builds(number: int, tmp_path: Path) -> None:
    made = OpenClToolchain().build(propose(number).candidate, SIGNATURE, tmp_path)
    assert isinstance(made, Build), made
