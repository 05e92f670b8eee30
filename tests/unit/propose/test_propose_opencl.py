"""Moves, crossover and parameters on OpenCL: its book, its support code, its words in what is proposed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from warploom.archive.descriptors import describe
from warploom.errors import NothingToPropose
from warploom.problems.load import CATALOG
from warploom.propose.moves.book import Book
from warploom.propose.moves.books import book_of
from warploom.propose.moves.cpp.book import COMPOSITES, MOVES
from warploom.propose.moves.cpp.support import in_opencl, with_support
from warploom.propose.without_model import WithoutModel
from warploom.propose.writing.tongue import TONGUES
from warploom.search.proposers import Resting, make_proposer, make_writer, settle
from warploom.syntax import opencl, tune
from warploom.syntax.cpp.tree import Unit
from warploom.testing.minds import Notebook
from warploom.toolchain.opencl import OpenClToolchain
from warploom.toolchain.opencl_find import HOW_TO_GET, find_pocl
from warploom.values.candidate import Candidate, Lineage, Proposal
from warploom.values.config import TARGETS, RunConfig
from warploom.values.language import SUFFIXES
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
    assert {"interchange", "fuse", "inline_call"} & names
    assert not names & {"parallel", "pack", "unpack", "stream_stores", "vectorise", "register_block"}
    for composite in book_of("opencl").composites:
        assert {pick.move for pick in composite.picks} <= names
    assert len(book_of("cpp").composites) == len(COMPOSITES)
    assert book_of("cpp").moves == MOVES
    assert book_of("no such language") == Book()


def test_what_is_proposed_is_opencl() -> None:
    text = propose(1).candidate.source
    assert "__kernel void softmax(__global const float* x, __global float* out, long rows, long cols)" in text
    assert "\nLAUNCH(grid=" in text
    assert [line.name for line in tune.declared(text)] == ["LANES", "GROUP"]


def test_the_tuner_moves_the_launch() -> None:
    proposal = propose(200, "tune")
    assert proposal.lineage.operator == "tune"
    assert {name for name, _ in proposal.candidate.parameters} == {"LANES", "GROUP"}


def test_two_parents_are_crossed() -> None:
    text = SOURCE.replace("/ sum[0];", "* (1.0f / sum[0]);")
    other = Individual(replace(ROOT, sources=(("softmax.cl", text),)), Lineage(), 0.5, (0, 1, 1))
    proposal = propose(300, "crossover", others=(other,))
    assert proposal.lineage.operator == "cross"
    assert "__kernel void softmax(__global const float* x" in proposal.candidate.source
    assert "1.0f / sum[0]" in proposal.candidate.source


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


def test_a_run_proposes_by_the_book_of_its_language() -> None:
    config = RunConfig("softmax", target="opencl")
    proposer = make_proposer(config, PROBLEM, {}, Resting(), None)  # type: ignore[arg-type]
    for number in range(1, 12):
        request = Request(number, "", (SEED,), (), None, 0, seed=number, progress=0.0)
        source = anyio.run(proposer.propose, request).candidate.source
        assert "vector_size" not in source
        assert "#pragma omp parallel" not in source


@pytest.mark.parametrize("target", TARGETS)
def test_models_are_asked_for_every_language_in_its_words(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("openai", reason="the extra llm is not installed")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1234567")
    config = settle(RunConfig("softmax", target=target, proposer="auto", models=("some",)))
    assert config.proposer == "mix"
    writer = make_writer(config, PROBLEM, None, Notebook())
    root = Candidate("p", target, ((f"softmax{SUFFIXES[target]}", "LAUNCH(grid=1)\nsoftmax(x)"),), "softmax")
    request = Request(1, "improve", (Individual(root, Lineage(), 0.0, (0, 0, 0)),), (), None, 0, 1)
    system, task = writer.prepare(request).messages
    assert f"You improve one {TONGUES[target].kernel} that" in system.text
    assert ("OpenMP" in system.text) == ("OpenMP" in task.text) == (target == "cpp")
    assert ("LAUNCH(grid=…" in task.text) == (target != "cpp")


def test_support_code_that_is_not_there_is_declined() -> None:
    assert "as_float(" in opencl.write(in_opencl(with_support(Unit(()), "exp_poly")))
    with pytest.raises(NothingToPropose, match="'vectors' is not there in OpenCL"):
        in_opencl(with_support(Unit(()), "exp16"))


def test_a_kernel_is_described_as_work_groups() -> None:
    assert describe(ROOT, {})[2] == 2
    vectors = replace(ROOT, sources=(("softmax.cl", SOURCE.replace("float sum[LANES];", "float8 sum[LANES];")),))
    assert describe(vectors, {})[2] == 3


@present
@pytest.mark.parametrize("number", [1, 2, 3])
def test_what_is_proposed_builds(number: int, tmp_path: Path) -> None:
    made = OpenClToolchain().build(propose(number).candidate, SIGNATURE, tmp_path)
    assert isinstance(made, Build), made
