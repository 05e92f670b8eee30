"""A run of scores: what its state, promotion and strategy make of them."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from warploom.archive.islands import Archive
from warploom.errors import ConfigError, ProblemError, SourceError
from warploom.problems.importers.address import Address
from warploom.problems.importers.openevolve import Folder, read_folder
from warploom.propose.programs.rewrites import Rewrites
from warploom.search.best.evidence import read_evidence
from warploom.search.best.promotion import judge_again
from warploom.search.proposers import suited
from warploom.search.sitting import fresh_state
from warploom.search.strategies.islands import Islands
from warploom.search.strategy import make_strategy
from warploom.search.task import describe, fitted, hash_of, load_task, starting_candidate
from warploom.search.worth import worth
from warploom.values.candidate import Candidate, Lineage
from warploom.values.config import RunConfig
from warploom.values.event import NotPromoted, Promoted
from warploom.values.measure import PROGRAM, SCORE, SPEEDUP
from warploom.values.outcome import Build, Passed, Timing, Verdict
from warploom.values.problem import Workload, from_description
from warploom.values.request import Individual
from warploom.values.score import Score

TIMED = Timing(Workload(n=1), "eager", (1.0, 1.0, 1.0, 1.0, 1.0), (2.0, 2.0, 2.0, 2.0, 2.0))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    path = tmp_path / "guessing"
    path.mkdir()
    (path / "initial_program.py").write_text("GUESS = 4\n")
    (path / "evaluator.py").write_text("def evaluate(path): ...\n")
    return read_folder(Address("openevolve", str(path), trust=True))


def passed(score: float | None, *timings: Timing) -> Passed:
    said = None if score is None else Score(score)
    return Passed(Build("", "", "", (), "", 0), Verdict(()), timings, {"noise_floor": 0.0}, score=said)


def test_a_score_counts_for_nothing_among_speedups_nor_the_other_way_round() -> None:
    assert worth(passed(0.5), SCORE) == (SCORE.of(0.5), 0.0, None)
    assert worth(passed(0.5), SPEEDUP) is None
    assert worth(passed(None, TIMED), SCORE) is None
    assert worth(passed(0.5, TIMED), SPEEDUP) == worth(passed(None, TIMED), SPEEDUP)


def test_a_second_score_decides_and_has_to_be_higher() -> None:
    first = judge_again("a", passed(-3.0), None)
    assert first == Promoted("a", SCORE.of(-3.0), 0.0, {})
    assert judge_again("b", passed(-2.5), first) == Promoted("b", SCORE.of(-2.5), 0.0, {})
    again = judge_again("c", passed(-3.0), first)
    assert isinstance(again, NotPromoted)
    assert again.reason == "scored again at -3, which is not above the best, -3"


def test_a_score_below_zero_may_be_worth_measuring_again(folder: Folder) -> None:
    config = RunConfig(str(folder.address), target=PROGRAM)
    state = fresh_state(config, Rewrites(), None)  # type: ignore[arg-type]
    state._consider("a", SCORE.of(-3.0), 0.0, 0.0)
    assert state.contender is not None
    kernels = fresh_state(RunConfig("softmax"), Rewrites(), None)  # type: ignore[arg-type]
    kernels._consider("a", -0.5, 0.0, 0.0)
    assert kernels.contender is None, "slower than eager"


def test_runners_up_of_the_same_cell_are_partners_of_programs_alone() -> None:
    archive = Archive(1, 10)
    for place, fitness in enumerate((0.5, 0.49)):
        candidate = Candidate("p", "python", (("a.py", f"a = {place}\n"),), "p")
        archive.admit(Individual(candidate, Lineage(), fitness, (0, 0, 0)))
    near = [Islands(runners_up=taken).ask(archive, random.Random(0), 1, 0.05).inspirations for taken in (True, False)]
    assert [len(one) for one in near] == [1, 0]
    programs = make_strategy(RunConfig("openevolve:x", target=PROGRAM))
    assert programs._runners_up  # type: ignore[attr-defined]
    kernels = make_strategy(RunConfig("softmax", strategy="islands"))
    assert not kernels._runners_up  # type: ignore[attr-defined]


def test_a_folder_is_a_task_with_a_target_of_its_own(folder: Folder) -> None:
    word = str(folder.address)
    assert load_task(word) == folder
    assert fitted(RunConfig(word)).target == PROGRAM
    with pytest.raises(ConfigError, match="--target opencl is for kernels"):
        fitted(RunConfig(word, target="opencl"))
    with pytest.raises(ConfigError, match="is for openevolve:DIR"):
        fitted(RunConfig("softmax", target=PROGRAM))
    assert hash_of(describe(folder)) == folder.hash
    with pytest.raises(ProblemError, match="is no kernel"):
        from_description(describe(folder))
    seed = starting_candidate(RunConfig(word, target=PROGRAM), folder)
    assert (seed.language, seed.source, seed.problem) == ("python", "GUESS = 4\n", folder.hash)


def test_a_start_can_be_given_and_its_markers_are_checked(folder: Folder, tmp_path: Path) -> None:
    other = tmp_path / "other.py"
    other.write_text("GUESS = 6\n")
    config = RunConfig(str(folder.address), target=PROGRAM, start=str(other))
    assert starting_candidate(config, folder).source == "GUESS = 6\n"
    other.write_text("# EVOLVE-BLOCK-START\nGUESS = 6\n")
    with pytest.raises(SourceError, match="EVOLVE-BLOCK-START without EVOLVE-BLOCK-END"):
        starting_candidate(config, folder)


def test_a_proposer_that_could_change_nothing_is_refused(folder: Folder) -> None:
    config = RunConfig(str(folder.address), target=PROGRAM)
    seed = starting_candidate(config, folder)
    assert suited(config, seed) == config
    rust = replace(seed, language="rust")
    with pytest.raises(ConfigError, match=r"in rust; --model NAME"):
        suited(config, rust)
    assert suited(replace(config, proposer="mix"), seed).proposer == "mix"
    assert suited(replace(config, proposer="mix"), rust).proposer == "llm"
    assert suited(replace(config, proposer="command:x"), rust).proposer == "command:x"
    assert suited(replace(config, replay="record"), rust).proposer == "moves"


def test_a_score_is_no_evidence(tmp_path: Path) -> None:
    (tmp_path / "score.json").write_text("{}")
    with pytest.raises(SourceError, match="no speedup was measured"):
        read_evidence(tmp_path)
