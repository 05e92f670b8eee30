"""What `bench` makes of its words; problems, judge and proposer are synthetic."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from warploom.cli import bench as command
from warploom.cli.main import BAD_INPUT, run
from warploom.search.suite.listing import Entry
from warploom.search.suite.plan import recall
from warploom.testing.suite_world import SuiteWorld

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SuiteWorld:
    made = SuiteWorld(tmp_path)
    monkeypatch.setattr(command, "local_tools", made.tools)
    monkeypatch.chdir(tmp_path)
    return made


def test_a_suite_leaves_tables_lines_and_a_page(world: SuiteWorld, tmp_path: Path, capsys: Captured) -> None:
    assert run(["bench", "softmax", "rope", "--evaluations", "5", "--proposer", "moves", "--out", "here"]) == 0
    printed = capsys.readouterr()
    assert "2 problems, 2 with a verified kernel" in printed.out
    assert "that was closed; --json lists what it assumes\n" in printed.out, "a line of words stays one in a file"
    assert "[2/2] rope: verified: " in printed.err
    assert len((tmp_path / "here" / "results.jsonl").read_text().splitlines()) == 2
    assert "softmax" in (tmp_path / "here" / "report.html").read_text()


def test_every_option_reaches_the_runs(world: SuiteWorld, tmp_path: Path, capsys: Captured) -> None:
    words = "--evaluations 5 --minutes 2.5 --patience 4 --seed 7 --strategy greedy --proposer mix --max-usd 1.5"
    more = ["--model", "a,price=1/2", "--base-url", "http://127.0.0.1:1/v1", "--html", "page.html", "--quarantine"]
    assert run(["bench", "softmax", *words.split(), *more, "--json"]) == 0
    config = world.configs["softmax"]
    assert (config.evaluations, config.minutes, config.patience, config.seed) == (5, 2.5, 4, 7)
    assert (config.strategy, config.proposer, config.max_usd) == ("greedy", "mix", 1.5)
    assert (config.models, config.base_url) == (("a,price=1/2",), "http://127.0.0.1:1/v1")
    found = json.loads(capsys.readouterr().out)
    assert found["out"] == "runs/bench/softmax"
    assert found["page"] == "page.html"
    assert (tmp_path / "page.html").is_file()
    assert "audit softmax" in world.said


def test_a_model_without_a_key_is_told_before_anything_is_kept(
    world: SuiteWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    assert run(["bench", "softmax", "--model", "m", "--out", "here"]) == BAD_INPUT
    assert "set OPENAI_API_KEY" in capsys.readouterr().err
    assert not (tmp_path / "here").exists()


def test_root_and_scale_reach_the_addresses(world: SuiteWorld, tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "bench" / "level3").mkdir(parents=True)
    (tmp_path / "bench" / "level3" / "7_Net.py").touch()
    options = ["--root", "bench", "--scale", "full", "--trust", "--proposer", "moves", "--out", "here", "-q"]
    assert run(["bench", "kernelbench:3", *options, "--evaluations", "2"]) == 0
    plan = recall(tmp_path / "here")
    assert plan is not None
    address = f"kernelbench:3/7?root={tmp_path / 'bench'}&scale=full&trust=yes"
    assert plan.entries == (Entry("kb-3-7", address, "level 3"),)
    assert capsys.readouterr().err == ""


def test_the_exit_code_says_whether_anything_was_found(world: SuiteWorld) -> None:
    world.broken = {"softmax": "softmax: gone"}
    assert run(["bench", "softmax", "--proposer", "moves", "--out", "here", "-q"]) == 1


def test_two_benchmarks_are_compared(world: SuiteWorld, capsys: Captured) -> None:
    for seed in ("1", "2"):
        words = ["bench", "softmax", "--evaluations", "5", "--seed", seed, "--proposer", "moves", "--out", seed, "-q"]
        assert run(words) == 0
    capsys.readouterr()
    assert run(["bench", "compare", "1", "2"]) == 0
    printed = capsys.readouterr().out
    assert "problems in common: 1" in printed
    assert "not alike: seed: 1 | 2" in printed
    assert run(["bench", "compare", "1", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["benchmarks"] == ["1", "2"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing"], "'nothing' is no suite"),
        (["softmax", "--evaluations", "0"], "evaluations is 0"),
        (["softmax", "--strategy", "gready"], "did you mean 'greedy'"),
        (["compare", "one"], "two benchmarks or more"),
        (["kernelbench:1"], "KERNELBENCH_ROOT=DIR"),
        (["softmax", "--html", "."], "is a folder"),
        (["softmax", "--out", "/dev/null"], "/dev/null"),
    ],
)
def test_bad_input_is_one_line(
    world: SuiteWorld, words: list[str], message: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KERNELBENCH_ROOT", raising=False)
    assert run(["bench", *words, "--proposer", "moves", "--json"]) == BAD_INPUT
    assert message in json.loads(capsys.readouterr().out.splitlines()[-1])["error"]
