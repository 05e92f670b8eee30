"""A folder of OpenEvolve is evolved: no model, a command as the model, a record, an agent; and no speedup is claimed."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from warploom.archive import journal as journals
from warploom.cli import ui
from warploom.cli.main import BAD_INPUT, PASSED, run
from warploom.errors import ConfigError
from warploom.search.run import start
from warploom.search.state import State
from warploom.testing.world import Killed
from warploom.values.config import RunConfig
from warploom.values.event import Evaluated, Event, Promoted, Proposed
from warploom.values.measure import SCORE
from warploom.values.outcome import Passed

PROGRAM = """import math

# EVOLVE-BLOCK-START
WIDTH = 2.0
COUNT = 3


def wave(x):
    return WIDTH * math.sin(x) + COUNT
# EVOLVE-BLOCK-END
"""

EVALUATOR = """
import importlib.util

def evaluate_stage1(path):
    spec = importlib.util.spec_from_file_location("program", path)
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    off = max(abs(program.wave(x / 10) - 5 * __import__("math").sin(x / 10) - 10) for x in range(60))
    return {"combined_score": -100 * off, "off": off}

def evaluate(path):
    return evaluate_stage1(path)
"""

CONFIG = "max_iterations: 7\nnovel: 1\nprompt: {system_message: 'Come close to the wave.'}\n"

Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("waves")
    (path / "initial_program.py").write_text(PROGRAM)
    (path / "evaluator.py").write_text(EVALUATOR)
    (path / "config.yaml").write_text(CONFIG)
    return path


@pytest.fixture(scope="module")
def evolved(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run without a model."""
    place = tmp_path_factory.mktemp("runs") / "moves"
    words = ["evolve", f"openevolve:{folder}", "--trust", "--evaluations", "14", "--run", str(place), "--quiet"]
    assert run(words) == PASSED
    return place


def asked(capsys: Captured, *words: str, code: int = PASSED) -> dict[str, Any]:
    capsys.readouterr()
    assert run([*words, "--json"]) == code
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, dict)
    return found


def test_without_a_model_the_score_climbs_and_is_called_a_score(
    evolved: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = asked(capsys, "show", str(evolved))
    assert found["evaluations"] == 14
    assert found["score"]["score"] > -990.0, "the start has -999.9"
    assert found["score"]["by"] == "evaluator.py"
    assert found["evidence"] == ""
    assert all("score" in one and "speedup" not in one for one in found["elites"])
    assert [one["score"] for one in found["elites"]] == sorted((one["score"] for one in found["elites"]), reverse=True)
    assert run(["show", str(evolved)]) == PASSED
    said = capsys.readouterr().out
    assert f"score {found['score']['score']:.6g} by evaluator.py" in said
    assert "sandbox   not protected: a program runs in its evaluator's process" in said
    assert not [word for word in ("×", "eager", "speed of") if word in said]
    best = evolved / "best"
    assert (best / "program.py").read_text() == asked(capsys, "best", str(evolved))["source"]
    kept = json.loads((best / "score.json").read_text())
    assert kept["score"] == found["score"]["score"]
    assert kept["evaluator"]["evaluator"] == EVALUATOR
    assert sorted(path.name for path in best.iterdir()) == ["program.py", "score.json"]
    assert run(["diff", str(evolved), "--seed"]) == PASSED
    assert run(["show", str(evolved), found["best"]]) == PASSED
    assert "score -" in capsys.readouterr().out


def test_the_journal_holds_scores_and_no_timings(evolved: Path) -> None:
    with journals.read(evolved) as journal:
        events = list(journal.events())
        judged = [event for event in events if isinstance(event, Evaluated) and event.fitness is not None]
        evaluations = [journal.evaluation(event.candidate) for event in judged]
        assert journal.started.config["target"] == "program"
    for event, evaluation in zip(judged, evaluations, strict=True):
        assert isinstance(evaluation, Passed)
        assert evaluation.score is not None
        assert (SCORE.of(evaluation.score.value), evaluation.timings) == (event.fitness, ())
    assert {event.proposer for event in events if isinstance(event, Proposed)} == {"seed", "rewrites"}
    promoted = [event for event in events if isinstance(event, Promoted)]
    assert promoted[-1].fitness == max(event.fitness for event in judged if event.fitness is not None)
    assert all(event.speedup == {} for event in promoted)


def test_what_tells_of_speedups_refuses(evolved: Path, tmp_path: Path, capsys: Captured) -> None:
    for words in (
        ["report", str(evolved), "--out", str(tmp_path / "page.html")],
        ["export", str(evolved), "--out", str(tmp_path / "package")],
        ["verify", str(evolved / "best")],
        ["judge", f"openevolve:{evolved}", "file.cpp"],
    ):
        capsys.readouterr()
        assert run(words) == BAD_INPUT, words
        said = capsys.readouterr().err
        assert len(said.splitlines()) == 1
        assert "score" in said or "evaluator" in said or "initial_program" in said, said
    assert not list(tmp_path.iterdir())


def test_the_dashboard_leaves_it_out_or_refuses(evolved: Path, capsys: Captured) -> None:
    assert not ui._is_of_speedups(evolved, alone=False)
    assert f"{evolved} is a run of scores, and left out" in capsys.readouterr().err.replace("\n", "")
    with pytest.raises(ConfigError, match="is a run of scores, and the dashboard tells of speedups"):
        ui._is_of_speedups(evolved, alone=True)


def test_what_is_set_aside_is_named_and_what_cannot_be_is_refused(
    folder: Path, tmp_path: Path, capsys: Captured
) -> None:
    words = ["evolve", f"openevolve:{folder}", "--run", str(tmp_path / "run")]
    assert run([*words, "--trust", "--evaluations", "1"]) == PASSED
    said = capsys.readouterr().err
    assert "fitness is the score of its evaluator, and no speedup" in said
    assert "set aside: max_iterations" in said
    assert "keys that neither knows: novel" in said
    for more, wanted in (
        (["--target", "opencl"], "--target opencl is for kernels"),
        (["--target-speedup", "2"], "leave out --target-speedup"),
    ):
        assert run([*words, *more]) == BAD_INPUT
        assert wanted in capsys.readouterr().err
    rust = tmp_path / "rust"
    shutil.copytree(folder, rust)
    (rust / "initial_program.py").rename(rust / "initial_program.rs")
    assert run(["evolve", f"openevolve:{rust}", "--run", str(tmp_path / "no")]) == BAD_INPUT
    assert "only Python is rewritten without a model" in capsys.readouterr().err


WRITER = """
import re, sys
prompt = sys.stdin.read()
assert "Come close to the wave." in prompt and "combined_score" in prompt, prompt
width = max(map(float, re.findall(r"WIDTH = ([0-9.]+)", prompt)))
print(f"IDEA: wider\\n```python\\nWIDTH = {width + 1}\\nCOUNT = 10\\n\\n\\ndef wave(x):\\n    return WIDTH * math.sin(x) + COUNT\\n```")
"""


def test_a_command_writes_programs_and_its_record_is_replayed(
    folder: Path, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "writer.py").write_text(WRITER)
    words = ["evolve", f"openevolve:{folder}", "--trust", "--evaluations", "4", "--in-flight", "1", "--islands", "1"]
    first = asked(capsys, *words, "--proposer", f"command:{sys.executable} writer.py", "--run", "first")
    assert first["score"]["score"] > -300.0
    assert run(["record", "first", "answers.jsonl"]) == PASSED
    (tmp_path / "writer.py").unlink()
    again = asked(capsys, *words, "--replay", "answers.jsonl", "--run", "again")
    assert (again["best"], again["score"]) == (first["best"], first["score"])
    assert {one["candidate"] for one in again["elites"]} == {one["candidate"] for one in first["elites"]}


def test_a_run_goes_on_where_it_was_broken_off_and_refuses_another_evaluator(
    folder: Path, tmp_path: Path, capsys: Captured
) -> None:
    own, place = tmp_path / "own", tmp_path / "run"
    shutil.copytree(folder, own)

    def broken_off(event: Event, state: State) -> None:
        if state.evaluations == 2:
            raise Killed

    config = RunConfig(f"openevolve:{own}?trust=yes", evaluations=4)
    with start(place, config) as begun, pytest.raises(Killed):
        begun.go(broken_off)
    assert asked(capsys, "resume", str(place))["evaluations"] == 4
    with journals.read(place) as journal:
        judged = [event.candidate for event in journal.events() if isinstance(event, Evaluated)]
    assert len(set(judged)) == 4, "nothing is lost, and nothing done twice"
    (own / "evaluator.py").write_text(EVALUATOR + "\n# changed\n")
    assert run(["resume", str(place)]) == BAD_INPUT
    assert "has changed since this run began" in capsys.readouterr().err


def test_an_agent_asks_and_tells(folder: Path, tmp_path: Path, capsys: Captured) -> None:
    place, file = str(tmp_path / "run"), tmp_path / "answer.py"
    request = asked(capsys, "ask", place, "--problem", f"openevolve:{folder}?trust=yes")
    assert "Come close to the wave." in request["prompt"]
    assert "parent_score" in request
    assert "parent_speedup" not in request
    file.write_text(PROGRAM.replace("COUNT = 3", "COUNT = 9"))
    told = asked(capsys, "tell", place, str(request["id"]), str(file))
    assert told["promoted"]
    assert told["score"] == pytest.approx(told["best_score"], rel=1e-3)
    assert told["score"] > told["parent_score"]
    assert "best_speedup" not in told
    file.write_text(PROGRAM.replace("math.sin(x)", "math.sine(x)"))
    other = asked(capsys, "ask", place)
    assert run(["tell", place, str(other["id"]), str(file)]) == 1
    said = capsys.readouterr().out
    assert "AttributeError" in said
    assert "mend what the evaluator stumbled over" in said


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")
def test_without_trust_everything_runs_in_the_jail(
    folder: Path, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "planted-secret")
    own = tmp_path / "own"
    shutil.copytree(folder, own)
    own.chmod(0o755)
    inside = tmp_path / "run"
    spy = f"import os\nassert 'planted' not in str(dict(os.environ)) and not os.path.exists({str(inside)!r})\n"
    (own / "initial_program.py").write_text(spy + PROGRAM)
    words = ["evolve", f"openevolve:{own}", "--evaluations", "2", "--proposer", "moves", "--run", str(tmp_path / "run")]
    found = asked(capsys, *words)
    assert found["passed"] == 2
    assert found["sandbox"]["jail"] == "bubblewrap"
