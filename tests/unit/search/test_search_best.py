from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from warploom.archive import journal as journals
from warploom.errors import JournalError
from warploom.search.best.evidence import resolved_sources
from warploom.search.best.folder import write_best
from warploom.search.best.promotion import judge_again
from warploom.syntax import launch
from warploom.testing.synthetic import synthetic_candidate, synthetic_evaluation, synthetic_problem
from warploom.testing.world import World
from warploom.values.candidate import Lineage, Proposal
from warploom.values.event import NotPromoted, Promoted
from warploom.values.outcome import Failed, Passed
from warploom.values.signature import signature
from warploom.values.speedup import speedup


def test_what_a_run_leaves_to_take_home(world: World) -> None:
    with world.begin(evaluations=60) as run:
        summary = run.go()
    folder = summary.run / "best"
    assert sorted(path.name for path in folder.iterdir()) == ["evidence.json", "kernel.cpp"]
    evidence = json.loads((folder / "evidence.json").read_text())
    with journals.read(summary.run) as journal:
        proposal = journal.proposal(summary.best)
        measured = journal.evaluation(summary.best, "promote")
        started = journal.started
    assert isinstance(measured, Passed)
    assert (folder / "kernel.cpp").read_text() == proposal.candidate.source
    assert evidence["candidate"] == summary.best
    assert evidence["problem"]["hash"] == proposal.candidate.problem
    assert evidence["problem"]["workloads"] == started.problem["workloads"]
    assert evidence["config"]["seed"] == started.config["seed"]
    assert evidence["speedup"]["eager"]["median"] == summary.speedup["eager"][0]
    assert len(evidence["timings"]) == len(measured.timings)
    assert evidence["timings"][0]["samples_ns"] == list(measured.timings[0].samples_ns)
    assert evidence["checks"][0]["seed"] == measured.verdict.checks[0].seed
    assert evidence["measured_in"]["noise_floor"] == 0.01
    assert evidence["ancestors"][-1]["proposer"] == "seed"
    assert evidence["lineage"]["parents"] == list(proposal.lineage.parents)
    assert not [path for path in summary.run.iterdir() if path.name.startswith(".best")]


def test_parameters_are_written_into_the_kernel() -> None:
    seed = synthetic_candidate()
    text = "TUNE(BLOCK, 16, 16, 32)\n" + seed.source
    candidate = replace(seed, sources=(("twice.cpp", text),), parameters=(("BLOCK", 32),))
    [(name, resolved)] = resolved_sources(candidate)
    assert name == "kernel.cpp"
    assert resolved.startswith("#define BLOCK 32\n")


def test_a_kernel_whose_launch_names_parameters_keeps_them_with_one_value() -> None:
    """Taken home it can be judged again: its LAUNCH line still says how it is started."""
    seed = synthetic_candidate()
    text = "TUNE(WIDTH, 16, 16, 32)\nLAUNCH(grid=(n + WIDTH - 1) // WIDTH, block=WIDTH)\n__kernel void twice() {}\n"
    candidate = replace(seed, language="opencl", sources=(("kernel.cl", text),), parameters=(("WIDTH", 32),))
    [(name, home)] = resolved_sources(candidate)
    assert (name, home.split("\n")[0]) == ("kernel.cl", "TUNE(WIDTH, 32)")
    taken = replace(candidate, sources=((name, home),), parameters=())
    called = signature(synthetic_problem())
    assert launch.of(taken, called, ("grid", "block")) == launch.of(candidate, called, ("grid", "block"))


def test_a_better_kernel_takes_the_place_of_the_one_before(world: World) -> None:
    with world.begin(evaluations=10) as run:
        run.go()
    folder = world.root / "run"
    (folder / "best" / "stale").write_text("")
    better = synthetic_candidate((3, 5, 7, 9, 1, 3))
    evaluation = synthetic_evaluation(better, effort="promote", pairs=20)
    verdict = judge_again(better.id, evaluation, None)
    assert isinstance(verdict, Promoted)
    with journals.reopen(folder) as journal:
        write_best(journal, Proposal(better, Lineage()), evaluation, verdict, {"cpu": "x"})
        assert (folder / "best" / "kernel.cpp").read_text() == better.source
        assert sorted(path.name for path in (folder / "best").iterdir()) == ["evidence.json", "kernel.cpp"]
        with pytest.raises(JournalError, match="without having passed"):
            write_best(journal, Proposal(better, Lineage()), Failed("time", "crash", ""), verdict, {})


def test_the_lower_end_must_beat_the_incumbent_by_more_than_the_noise() -> None:
    candidate = synthetic_candidate((3, 5, 7, 0, 0, 0))
    evaluation = synthetic_evaluation(candidate, effort="promote", pairs=21)
    alone = judge_again(candidate.id, evaluation, None)
    assert isinstance(alone, Promoted)
    assert set(alone.speedup) == {"eager", "compile"}
    low = math.log(alone.speedup["eager"][1])
    for incumbent, held in ((low - 0.02, True), (low - 0.005, False), (low + 0.1, False)):
        found = judge_again(candidate.id, evaluation, replace(alone, candidate="other", fitness=incumbent))
        assert isinstance(found, Promoted) == held
        assert found.fitness == alone.fitness
        beaten = f"does not beat {math.exp(incumbent):.2f}× for sure, and by more than the noise floor, 1.01×"
        assert held or beaten in getattr(found, "reason", "")


def test_side_by_side_decides_and_is_named_with_its_interval() -> None:
    candidate = synthetic_candidate((3, 5, 7, 0, 0, 0))
    evaluation = synthetic_evaluation(candidate, effort="promote", pairs=21)
    assert isinstance(evaluation, Passed)
    alone = judge_again(candidate.id, evaluation, None)
    assert isinstance(alone, Promoted)
    own = evaluation.timings[0].samples_ns
    even = replace(evaluation.timings[0], baseline="incumbent", reference_samples_ns=own)
    beside = replace(evaluation, timings=(*evaluation.timings, even))
    found = judge_again(candidate.id, beside, replace(alone, candidate="other", fitness=alone.fitness - 1))
    assert isinstance(found, NotPromoted)
    assert "side by side 1.00× [1.00, 1.00] the speed of the best" in found.reason


def test_what_holds_a_faster_kernel_back_on_a_noisy_machine_is_named_in_the_unit_of_its_speedup() -> None:
    candidate = synthetic_candidate((3, 5, 7, 0, 0, 0))
    evaluation = synthetic_evaluation(candidate, effort="promote", pairs=21)
    assert isinstance(evaluation, Passed)
    own = evaluation.timings[0].samples_ns
    slower = tuple(1.26 * one for one in own)
    beside = replace(evaluation.timings[0], baseline="incumbent", reference_samples_ns=slower)
    noisy = {"noise_floor": 0.3}
    evaluation = replace(evaluation, timings=(*evaluation.timings, beside), environment=noisy)
    incumbent = Promoted("other", 0.0, 0.01, {})
    found = judge_again(candidate.id, evaluation, incumbent)
    assert isinstance(found, NotPromoted)
    assert "side by side 1.26× [1.26, 1.26] the speed of the best" in found.reason
    assert found.reason.endswith("the lower end must be above the noise floor, 1.35×")
    eager = speedup(evaluation.timings)
    assert eager is not None
    assert found.ends == (math.log(eager.low), math.log(eager.high))
    calm = judge_again(candidate.id, replace(evaluation, environment={"noise_floor": 0.2}), incumbent)
    assert isinstance(calm, Promoted)


def test_a_failure_is_not_promoted_and_says_why() -> None:
    found = judge_again("0" * 16, Failed("verify", "nondeterministic", "differs"), None)
    assert found == NotPromoted("0" * 16, "verify: nondeterministic: differs")


def test_the_roofline_reaches_the_evidence(world: World, tmp_path: Path) -> None:
    candidate = synthetic_candidate()
    evaluation = synthetic_evaluation(candidate, effort="promote")
    assert isinstance(evaluation, Passed)
    stated = replace(evaluation, environment={"noise_floor": 0.01, "roofline": 0.42})
    verdict = judge_again(candidate.id, stated, None)
    assert isinstance(verdict, Promoted)
    assert verdict.roofline == 0.42
