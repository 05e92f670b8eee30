"""Evidence is complete, and believed only as far as it agrees with itself."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from warploom.archive import journal as journals
from warploom.errors import ProblemError, SourceError
from warploom.problems.native import text_hash
from warploom.search.best.evidence import FORMAT, problem_file, read_evidence
from warploom.search.best.folder import write_best
from warploom.search.best.promotion import judge_again
from warploom.search.best.recheck import Difference, claimed_problem, differences, recheck
from warploom.search.executor import LocalExecutor
from warploom.testing.synthetic import SyntheticJudge
from warploom.testing.world import World
from warploom.values.event import Promoted
from warploom.values.job import Job
from warploom.values.outcome import Evaluation, Failed, Passed
from warploom.values.problem import Problem, from_description

Document = dict[str, Any]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with World(tmp_path_factory.mktemp("world")).begin(evaluations=40) as run:
        return run.go().run


@pytest.fixture
def best(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "run") / "best"


def test_the_claim_stands_on_top_and_is_made_of_baselines_alone(best: Path) -> None:
    document = json.loads((best / "evidence.json").read_text())
    assert list(document)[:2] == ["format", "claim"]
    assert document["format"] == FORMAT
    claim = document["claim"]
    assert set(claim["speedup"]) == {"eager", "compile"}
    for found in claim["speedup"].values():
        assert set(found) == {"geomean", "middle", "worst"}
        assert found["worst"]["workload"] == "n=1024"
        assert found["geomean"]["low"] <= found["geomean"]["median"] <= found["geomean"]["high"]
    assert claim["noise_floor"] == 0.01
    assert claim["speedup"]["eager"]["geomean"] == document["speedup"]["eager"]


def test_what_the_claim_follows_from_is_there(best: Path) -> None:
    document = json.loads((best / "evidence.json").read_text())
    assert document["mint"]["candidate"] == document["candidate"]
    assert document["mint"]["problem"] == document["problem"]["hash"]
    for entry in (*document["sources"], *document["proposed"]):
        assert entry["sha256"] == hashlib.sha256(entry["text"].encode()).hexdigest()
    assert document["seeds"] == [check["seed"] for check in document["checks"]] != []
    assert document["timings"][0]["samples_ns"]


def test_the_claim_says_who_else_was_at_work_and_what_was_not_seen(tmp_path: Path) -> None:
    class Disturbed(SyntheticJudge):
        def evaluate(self, job: Job) -> Evaluation:
            found = super().evaluate(job)
            return replace(found, environment={**found.environment, "busy": 0.43, "unwatched": ["n=8"]})

    with World(tmp_path).begin(executor=LocalExecutor(Disturbed()), evaluations=12) as run:
        folder = run.go().run
    claimed = json.loads((folder / "best" / "evidence.json").read_text())["claim"]
    assert (claimed["busy"], claimed["unwatched"]) == (0.43, ["n=8"])


def test_the_best_before_stands_apart(best: Path) -> None:
    with journals.read(best.parent) as journal:
        document = json.loads((best / "evidence.json").read_text())
        measured = journal.evaluation(document["candidate"], "promote")
    assert isinstance(measured, Passed)
    assert document["over_the_best_before"] is None
    beside = replace(measured.timings[0], baseline="incumbent")
    evaluation = replace(
        measured, timings=(*measured.timings, beside), environment={**measured.environment, "incumbent": "0123"}
    )
    again = rewritten(best.parent, evaluation)
    assert set(again["speedup"]) == {"eager", "compile"} == set(again["claim"]["speedup"])
    assert again["over_the_best_before"]["candidate"] == "0123"
    assert again["over_the_best_before"]["median"] == again["speedup"]["eager"]["median"]


def rewritten(folder: Path, evaluation: Passed) -> Document:
    with journals.reopen(folder) as journal:
        document = json.loads((folder / "best" / "evidence.json").read_text())
        proposal = journal.proposal(document["candidate"])
        verdict = judge_again(proposal.candidate.id, evaluation, None)
        assert isinstance(verdict, Promoted)
        write_best(journal, proposal, evaluation, verdict, {"toolchain": "g++"})
    found: Document = json.loads((folder / "best" / "evidence.json").read_text())
    return found


def test_the_problem_file_goes_along_unless_it_changed(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("problem = 1\n")
    reference = {"path": str(path), "sha256": text_hash("problem = 1\n")}
    assert problem_file({"reference": reference}) == {"name": "mine.py", "text": "problem = 1\n"}
    path.write_text("problem = 2\n")
    assert problem_file({"reference": reference}) is None
    path.unlink()
    assert problem_file({"reference": reference}) is None
    assert problem_file({}) is None


# ------------------------------------------------------------ reading it back


def test_evidence_is_read_from_its_folder_or_its_file(best: Path) -> None:
    found = read_evidence(best)
    assert found.candidate.source == (best / "kernel.cpp").read_text()
    assert found.claimed.median == pytest.approx(found.document["speedup"]["eager"]["median"])
    assert read_evidence(best / "evidence.json").candidate == found.candidate


def other_text(document: Document) -> None:
    document["sources"][0]["text"] += "// faster"


def other_text_and_hash(document: Document) -> None:
    other_text(document)
    document["sources"][0]["sha256"] = hashlib.sha256(document["sources"][0]["text"].encode()).hexdigest()


def other_flags(document: Document) -> None:
    document["build_flags"] = ["-ffast-math"]


def bigger_claim(document: Document) -> None:
    document["claim"]["speedup"]["eager"]["geomean"]["median"] *= 1.01


def faster_samples(document: Document) -> None:
    timing = document["timings"][0]
    timing["samples_ns"] = [sample / 2 for sample in timing["samples_ns"]]


def other_candidate(document: Document) -> None:
    document["candidate"] = "0" * 16


def other_mint(document: Document) -> None:
    document["mint"]["candidate"] = "0" * 16


def nothing_claimed(document: Document) -> None:
    document["claim"]["speedup"] = {}


def older(document: Document) -> None:
    del document["format"]


def no_timings(document: Document) -> None:
    del document["timings"]


@pytest.mark.parametrize(
    ("tamper", "said"),
    [
        (other_text, "has not the hash"),
        (other_text_and_hash, "is not the kernel of"),
        (other_flags, "the hash of what was proposed"),
        (bigger_claim, "does not follow from the samples"),
        (faster_samples, "does not follow from the samples"),
        (other_candidate, "the hash of what was proposed"),
        (other_mint, "the hash of what was proposed"),
        (nothing_claimed, "claims no speedup over eager"),
        (older, "not evidence of format"),
        (no_timings, "damaged"),
    ],
)
def test_what_does_not_agree_with_itself_is_refused(best: Path, tamper: Callable[[Document], None], said: str) -> None:
    document = json.loads((best / "evidence.json").read_text())
    tamper(document)
    (best / "evidence.json").write_text(json.dumps(document))
    with pytest.raises(SourceError, match=said):
        read_evidence(best)


def test_a_kernel_that_changed_beside_its_evidence_is_refused(best: Path) -> None:
    (best / "kernel.cpp").write_text("void f();\n")
    with pytest.raises(SourceError, match=r"kernel\.cpp is not the kernel of"):
        read_evidence(best)


def test_without_the_file_of_the_kernel_another_text_is_still_not_what_was_proposed(best: Path) -> None:
    document = json.loads((best / "evidence.json").read_text())
    other_text_and_hash(document)
    (best / "evidence.json").write_text(json.dumps(document))
    (best / "kernel.cpp").unlink()
    with pytest.raises(SourceError, match="not what was proposed with its parameters"):
        read_evidence(best)


@pytest.mark.parametrize("text", ["", "[]", "nonsense"])
def test_what_is_no_evidence_is_one_clear_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "evidence.json").write_text(text)
    with pytest.raises(SourceError, match=r"evidence\.json"):
        read_evidence(tmp_path)
    with pytest.raises(SourceError, match="nowhere"):
        read_evidence(tmp_path / "nowhere")


# ------------------------------------------------------------ judged again


class Changed(SyntheticJudge):
    """Answers with what the test makes of the right answer."""

    def __init__(self, change: Callable[[Passed], Evaluation]) -> None:
        super().__init__(pairs=20)
        self._change = change

    def evaluate(self, job: Job) -> Evaluation:
        evaluation = super().evaluate(job)
        assert isinstance(evaluation, Passed)
        return self._change(evaluation)


def slower(factor: float) -> Callable[[Passed], Evaluation]:
    def change(evaluation: Passed) -> Evaluation:
        timings = (
            replace(timing, samples_ns=tuple(factor * sample for sample in timing.samples_ns))
            for timing in evaluation.timings
        )
        return replace(evaluation, timings=tuple(timings))

    return change


@pytest.mark.parametrize(
    ("change", "standing"),
    [
        (slower(1.0), "holds"),
        (slower(0.5), "holds"),
        (slower(1.2), "weaker here"),
        (slower(10.0), "does not hold"),
        (lambda evaluation: Failed("verify", "wrong_result", "out[3]"), "does not hold"),
        (lambda evaluation: replace(evaluation, mint=None), "does not hold"),
    ],
)
def test_a_claim_is_held_against_a_new_judgement(
    best: Path, change: Callable[[Passed], Evaluation], standing: str
) -> None:
    judge = Changed(change)
    found = recheck(read_evidence(best), judge, {})
    assert found.standing == standing
    assert judge.jobs == [(found.evidence.candidate.id, "promote")]
    assert found.noise_floor == 0.01
    assert (found.here is None) == isinstance(found.evaluation, Failed)


def test_what_differs_between_the_machines_is_named() -> None:
    there = {"hardware": {"cpu": "Zen 4", "cores": 2}, "toolchain": "g++ 12", "reference": {"torch": "2.6"}}
    here = {**there, "toolchain": "g++ 14"}
    assert differences(there, there) == ()
    assert differences(there, here) == (Difference("compiler", "g++ 12", "g++ 14"),)
    assert differences({}, {"toolchain": "g++ 14"}) == (Difference("compiler", "unknown", "g++ 14"),)


def test_the_problem_is_found_or_what_is_missing_is_said(
    best: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    evidence = read_evidence(best)
    with pytest.raises(ProblemError, match=r"neither in the catalog nor at .*--problem"):
        claimed_problem(evidence)
    loaded: list[str] = []

    def load(problem: Problem) -> Callable[[str], Problem]:
        def answer(word: str) -> Problem:
            loaded.append(word)
            return problem

        return answer

    right = synthetic(evidence.document)
    monkeypatch.setattr("warploom.search.best.recheck.load_problem", load(right))
    assert claimed_problem(evidence, "my.py") is right
    monkeypatch.setattr("warploom.search.best.recheck.load_problem", load(replace(right, title="another")))
    with pytest.raises(ProblemError, match="has hash"):
        claimed_problem(evidence, "my.py")
    assert loaded == ["my.py", "my.py"]
    path = tmp_path / "twice.py"
    path.write_text("# the very text\n")
    document = {**evidence.document, "problem": dict(evidence.document["problem"])}
    document["problem"]["reference"] = {"path": str(path), "sha256": text_hash("# the very text\n")}
    monkeypatch.setattr("warploom.search.best.recheck.load_problem", load(right))
    assert claimed_problem(replace(evidence, document=document)) is right
    assert loaded[-1] == str(path)
    path.write_text("# another text, which is not run\n")
    document["problem"]["reference"] |= {"modules": {"formula_of_mine": "00"}}
    with pytest.raises(ProblemError, match=r"neither .* must be as they were: formula_of_mine"):
        claimed_problem(replace(evidence, document=document))
    assert len(loaded) == 3


def synthetic(document: Mapping[str, Any]) -> Problem:
    return from_description({name: one for name, one in document["problem"].items() if name not in ("hash", "file")})
