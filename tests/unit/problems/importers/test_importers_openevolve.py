"""Folders of OpenEvolve: what is read of them, how their evaluator scores a program, and what is refused."""

from __future__ import annotations

import json
import math
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from warploom.cli.main import BAD_INPUT, FAILED, PASSED, run
from warploom.errors import ProblemError
from warploom.problems.importers.address import Address
from warploom.problems.importers.bring import bring
from warploom.problems.importers.openevolve import Folder, read_folder, score
from warploom.problems.importers.openevolve_score import NoScore, Outcome, evaluate, text, value

jailed = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")

PROGRAM = "# EVOLVE-BLOCK-START\ndef guess():\n    return 4\n# EVOLVE-BLOCK-END\n"

EVALUATOR = """
import importlib.util
import beside

def guessed(path):
    spec = importlib.util.spec_from_file_location("program", path)
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    return program.guess()

def evaluate(path):
    print("evaluating")
    off = abs(guessed(path) - beside.WANTED)
    return {"combined_score": -off, "off": off, "exact": off == 0, "note": "no number"}
"""

CONFIG = """
max_iterations: 10
llm:
  primary_model: some-model
  temperature: 0.7
database:
  num_islands: 3
  feature_dimensions: ["off"]
evaluator:
  timeout: 20
  cascade_evaluation: false
  cascade_thresholds: [0.5, 0.9]
  parallel_evaluation: 4
novel: true
"""


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Path]:
    """Writes a folder: evaluator, configuration (None for none), program → its path."""

    def made(evaluator: str = EVALUATOR, config: str | None = CONFIG, program: str = PROGRAM) -> Path:
        folder = tmp_path / "guessing"
        folder.mkdir(exist_ok=True)
        (folder / "initial_program.py").write_text(program)
        (folder / "evaluator.py").write_text(evaluator)
        (folder / "beside.py").write_text("WANTED = 7\n")
        if config is not None:
            (folder / "config.yaml").write_text(config)
        return folder

    return made


def read(folder: Path, *, trust: bool = False) -> Folder:
    return read_folder(Address("openevolve", str(folder), trust=trust))


def refusal(folder: Path) -> str:
    with pytest.raises(ProblemError) as caught:
        read(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# ------------------------------------------------------------ reading


def test_what_concerns_evaluating_holds_and_the_rest_is_named(make: Callable[..., Path]) -> None:
    folder = read(make())
    assert (folder.name, folder.file, folder.program) == ("guessing", "initial_program.py", PROGRAM)
    assert (folder.timeout_s, folder.cascade, folder.thresholds) == (20, False, (0.5, 0.9))
    assert folder.features == ("off",)
    assert folder.set_aside == ("max_iterations", "llm.primary_model", "llm.temperature", "database.num_islands")
    assert folder.unknown == ("evaluator.parallel_evaluation (did you mean evaluator.parallel_evaluations?)", "novel")


def test_a_hash_stands_for_what_changes_a_score(make: Callable[..., Path]) -> None:
    folder = make()
    before = read(folder)
    (folder / "initial_program.py").write_text(PROGRAM.replace("4", "5"))
    (folder / "unrelated.py").write_text("x = 1\n")
    assert read(folder).hash == before.hash == read(folder, trust=True).hash
    (folder / "beside.py").write_text("WANTED = 8\n")
    assert read(folder).hash != before.hash
    assert before.describe()["hash"] == before.hash
    changed = read(folder).hash
    assert read(make(config=CONFIG.replace("timeout: 20", "timeout: 21"))).hash not in (before.hash, changed)


def test_the_words_for_a_model_are_kept_and_names_of_templates_are_none(make: Callable[..., Path]) -> None:
    assert read(make(config="prompt: {system_message: 'Guess the number. '}")).instructions == "Guess the number."
    assert read(make(config="prompt: {system_message: system_message}")).instructions == ""
    assert read(make(config="prompt: {system_message: 'Guess it'}")).set_aside == ()


def test_without_a_configuration_openevolves_defaults_hold(make: Callable[..., Path]) -> None:
    folder = read(make(config=None))
    assert (folder.timeout_s, folder.cascade, folder.thresholds, folder.artifacts) == (
        300,
        True,
        (0.5, 0.75, 0.9),
        True,
    )
    assert read(make(config="")).unknown == ()


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("evaluator: {timeout: soon}", "evaluator.timeout cannot be 'soon'"),
        ("evaluator: {timeout: true}", "evaluator.timeout cannot be True"),
        ("evaluator: {timeout: -1}", "evaluator.timeout must be above 0"),
        ("evaluator: {cascade_thresholds: [a]}", "evaluator.cascade_thresholds must be numbers"),
        ("[1, 2]", "a mapping of keys is wanted"),
        ("a: [", "is no YAML"),
    ],
)
def test_a_configuration_that_cannot_be_used(make: Callable[..., Path], config: str, said: str) -> None:
    assert said in refusal(make(config=config))


def test_a_folder_that_cannot_be_used(make: Callable[..., Path], tmp_path: Path) -> None:
    assert "there is no folder" in refusal(tmp_path / "none")
    assert "defines no evaluate; this format needs evaluate" in refusal(make(evaluator="def score(): ...\n"))
    assert "evaluator.py:1: " in refusal(make(evaluator="def evaluate(:\n"))
    folder = make()
    (folder / "initial_program.py").unlink()
    assert "there is no initial_program.py" in refusal(folder)
    (folder / "initial_program.rs").write_text("fn main() {}\n")
    assert (read(folder).file, read(folder).language) == ("initial_program.rs", "rust")


def test_it_has_a_score_and_is_no_problem(make: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(ProblemError, match="`warploom score "):
        bring(Address("openevolve", str(make())), tmp_path)


# ------------------------------------------------------------ scores


def request(folder: Path, program: str = PROGRAM, **changes: Any) -> dict[str, Any]:
    return {
        "folder": str(folder),
        "program": program,
        "suffix": ".py",
        "timeout_s": 20,
        "cascade": True,
        "thresholds": [0.5, 0.75],
        "artifacts": True,
        "features": [],
        **changes,
    }


STAGES = """
from openevolve.evaluation_result import EvaluationResult

def evaluate(path):
    return {"combined_score": 0.1}

def evaluate_stage1(path):
    return EvaluationResult(metrics={"combined_score": 0.6, "one": 1}, artifacts={"said": "first", "all": b"raw"})

def evaluate_stage2(path):
    with open(path) as stream:
        return EvaluationResult({"combined_score": 0.7 if "5" in stream.read() else 0.8}, {"said": "second"})

def evaluate_stage3(path):
    raise ValueError("too hard\\nfor it")
"""


def test_a_cascade_goes_on_while_its_thresholds_are_reached(make: Callable[..., Path]) -> None:
    folder = make(evaluator=STAGES)
    found = evaluate(request(folder, "5"))
    assert (found["value"], found["stages"], found["stopped"]) == (0.7, ["stage1", "stage2"], "stage3 wants 0.75")
    assert found["metrics"] == {"combined_score": 0.7, "one": 1}
    assert found["artifacts"] == {"said": "second", "all": "raw"}
    assert evaluate(request(folder, "5", thresholds=[0.65]))["stages"] == ["stage1"]
    failed = evaluate(request(folder))
    assert (failed["value"], failed["stopped"]) == (0.8, "stage3: ValueError: too hard for it")
    assert "too hard" in failed["artifacts"]["evaluate_stage3_traceback"]
    whole = evaluate(request(folder, cascade=False, artifacts=False))
    assert (whole["value"], whole["stages"], whole["artifacts"]) == (0.1, ["evaluate"], {})


def test_a_stage_has_its_timeout(make: Callable[..., Path]) -> None:
    folder = make(evaluator="import time\ndef evaluate(path):\n    time.sleep(30)\n")
    with pytest.raises(NoScore, match=r"longer than its timeout of 0\.05 s"):
        evaluate(request(folder, timeout_s=0.05))


def test_what_a_score_is() -> None:
    assert value({"combined_score": 2, "other": 100}, []) == 2
    assert value({"a": 1.0, "b": 3, "flag": True, "word": "x", "bad": math.nan, "size": 1000}, ["size"]) == 2
    assert value({"size": 5}, ["size"]) == 5, "features are better than nothing"
    for metrics in ({}, {"word": "x"}, {"combined_score": math.nan}, {"combined_score": None, "a": 1}, {"flag": True}):
        with pytest.raises(NoScore):
            value(metrics, [])
    with pytest.raises(NoScore, match="evaluate returned float; wanted is a dictionary of metrics"):
        Outcome().add("evaluate", 0.5)


def test_artifacts_become_text_of_bounded_length() -> None:
    assert (text("a"), text(b"\xffb"), text({"a": [1]}), text({1})) == ("a", "\ufffdb", '{"a": [1]}', "{1}")
    assert text("x" * 30_000 + "end") == "[…]" + "x" * 19_997 + "end"


# ------------------------------------------------------------ in the jail


@pytest.fixture(autouse=True)
def same_modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An evaluator that is run here leaves nothing behind."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in ("beside", "evaluation_module", "openevolve", "openevolve.evaluation_result"):
        if name not in before:
            sys.modules.pop(name, None)


@jailed
def test_a_program_is_scored_in_a_jail(
    make: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "planted-secret")
    (tmp_path / "secret").write_text("planted")
    with socket.create_server(("127.0.0.1", 0)) as server:
        looks = f"""
    import os, socket
    seen = []
    if "planted-secret" in str(dict(os.environ)):
        seen.append("environment")
    for what, look in (
        ("file", lambda: open({str(tmp_path / "secret")!r})),
        ("network", lambda: socket.create_connection(("127.0.0.1", {server.getsockname()[1]}), timeout=2)),
        ("folder", lambda: open(os.path.join(os.path.dirname(__file__), "left"), "w")),
    ):
        try:
            look()
            seen.append(what)
        except OSError:
            pass
    if seen:
        raise RuntimeError(" ".join(seen))
"""
        folder = read(make(evaluator=EVALUATOR.replace('\n    print("evaluating")\n', looks)))
        found = score(folder, folder.program)
        assert (found.value, found.stages) == (-3, ("evaluate",))
        assert found.metrics == {"combined_score": -3, "off": 3, "exact": False}
        assert score(folder, PROGRAM.replace("4", "7")).metrics["exact"] is True
        with pytest.raises(ProblemError, match="RuntimeError: file network folder"):
            score(replace(folder, trust=True), folder.program)


@jailed
@pytest.mark.parametrize(
    ("evaluator", "said"),
    [
        ("import nowhere\ndef evaluate(path): ...\n", "evaluator.py:1: ModuleNotFoundError: No module named 'nowhere'"),
        ("def evaluate(path):\n    raise ValueError('broken')\n", "evaluator.py:2: ValueError: broken"),
        ("def evaluate(path):\n    return 1\n", "evaluate returned int; wanted is a dictionary"),
        ("import os\ndef evaluate(path):\n    os._exit(0)\n", "ended its process (exit status 0) before"),
        ("import os\ndef evaluate(path):\n    os.write(1, b'{}')\n    os._exit(0)\n", "before it was understood"),
    ],
)
def test_an_evaluator_without_a_score_is_one_line(make: Callable[..., Path], evaluator: str, said: str) -> None:
    folder = read(make(evaluator=evaluator))
    with pytest.raises(ProblemError) as caught:
        score(folder, folder.program)
    assert str(caught.value).startswith("openevolve:guessing: ")
    assert said in str(caught.value)


# ------------------------------------------------------------ the command


def test_the_command_tells_the_score_and_whose_word_it_is(
    make: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, better = make(), tmp_path / "better.py"
    better.write_text(PROGRAM.replace("4", "6"))
    assert run(["score", str(folder), "--trust"]) == PASSED
    said = capsys.readouterr()
    assert said.out.splitlines()[0] == "score -3 by evaluator.py (evaluate)"
    assert "  exact: false" in said.out
    assert "set aside: max_iterations, llm.primary_model" in said.err
    assert "novel" in said.err
    assert run(["score", f"openevolve:{folder}", str(better), "--trust", "--json"]) == PASSED
    found = json.loads(capsys.readouterr().out)
    assert (found["score"], found["by"], found["sandbox"]) == (-1, "evaluator.py", False)
    better.write_text("raise RuntimeError('no \\x1b[2J program')\n")
    assert run(["score", str(folder), str(better), "--trust", "--json"]) == FAILED
    found = json.loads(capsys.readouterr().out)
    assert found["score"] is None
    assert "RuntimeError: no" in found["reason"]
    assert run(["score", str(folder), str(better), "--trust"]) == FAILED
    assert "\x1b" not in capsys.readouterr().out
    assert run(["score", str(folder), str(tmp_path / "none.py"), "--trust"]) == BAD_INPUT
    assert run(["score", str(tmp_path / "nowhere")]) == BAD_INPUT
