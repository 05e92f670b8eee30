"""The judge that takes somebody else's evaluator at its word, and says so."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from warploom.judge.score import NO_JAIL, NOT_GUARDED, ScoreJudge
from warploom.problems.importers.address import Address
from warploom.problems.importers.openevolve import Folder, read_folder
from warploom.values.candidate import Candidate
from warploom.values.job import Job
from warploom.values.mint import counted
from warploom.values.outcome import Failed, Passed

EVALUATOR = """
import time

def evaluate(path):
    text = open(path).read()
    if "sleep" in text:
        time.sleep(60)
    return {"combined_score": float(text), "letters": len(text)}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    path = tmp_path / "numbers"
    path.mkdir()
    (path / "initial_program.txt").write_text("1.5")
    (path / "evaluator.py").write_text(EVALUATOR)
    return read_folder(Address("openevolve", str(path), trust=True))


def candidate(folder: Folder, text: str) -> Candidate:
    return Candidate(folder.hash, folder.language, ((folder.file, text),), folder.name)


def test_a_score_is_minted_for_the_program_and_its_evaluator_and_has_no_timings(folder: Folder) -> None:
    judge = ScoreJudge(folder)
    job = Job(candidate(folder, "2.5"), folder.hash)
    found = judge.evaluate(job)
    assert isinstance(found, Passed)
    assert found.score is not None
    assert (found.score.value, found.score.metrics["letters"]) == (2.5, 3)
    assert found.timings == ()
    assert counted(job, found) is found
    assert isinstance(counted(Job(candidate(folder, "2.6"), folder.hash), found), Failed)


def test_a_program_without_a_score_fails_and_says_why(folder: Folder) -> None:
    found = ScoreJudge(folder).evaluate(Job(candidate(folder, "no"), folder.hash))
    assert isinstance(found, Failed)
    assert (found.stage, found.kind) == ("verify", "no_score")
    assert found.message == "evaluator.py:8: ValueError: could not convert string to float: 'no'"
    assert found.elapsed_ns["verify"] > 0


def test_a_job_for_another_evaluator_is_refused(folder: Folder) -> None:
    found = ScoreJudge(folder).evaluate(Job(candidate(folder, "1"), "0" * 16))
    assert isinstance(found, Failed)
    assert (found.stage, found.kind) == ("judge", "rejected")


def test_it_says_what_is_not_guarded(folder: Folder) -> None:
    assert ScoreJudge(folder).describe()["sandbox"]["gaps"] == [NOT_GUARDED, NO_JAIL]


def test_closing_it_ends_an_evaluator_at_work(folder: Folder) -> None:
    judge = ScoreJudge(folder)
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(judge.evaluate(Job(candidate(folder, "sleep"), folder.hash))))
    thread.start()
    while not judge._running:
        time.sleep(0.01)
    judge.close()
    thread.join(30)
    assert not thread.is_alive()
    assert isinstance(found[0], Failed)
