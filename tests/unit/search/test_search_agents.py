"""Opening a run for agents: which run, which problem, and what is refused. The loop is in test_search_asktell.py."""

from __future__ import annotations

from pathlib import Path

import pytest

import warploom
from warploom.archive import journal as journals
from warploom.errors import ConfigError, JournalError, ProblemError
from warploom.problems.load import load_problem
from warploom.values.config import RunConfig
from warploom.values.event import RunStarted
from warploom.values.problem import describe


@pytest.fixture(autouse=True)
def without_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def written(folder: Path, config: RunConfig, **changed: object) -> Path:
    described = {**describe(load_problem(config.problem)), **changed}
    journals.create(folder, RunStarted(config.to_mapping(), described, {"hardware": {"cores": 2}}, "0")).close()
    return folder


@pytest.mark.parametrize("proposer", ["moves", "mix", "llm", "command:no-such-agent"])
def test_any_run_can_be_opened_whoever_proposes_in_it_and_without_a_key(proposer: str, tmp_path: Path) -> None:
    config = RunConfig("softmax", proposer=proposer, models=("m",), base_url="https://nowhere.invalid/v1")
    with warploom.open_run(written(tmp_path / "run", config)) as run:
        assert run.status()["problem"] == "softmax"
        assert run.status()["open"] == []
        assert "torch.softmax" in run.describe()
    with warploom.open_run(str(tmp_path / "run"), "softmax") as run:
        assert run.status()["evaluations"] == 0


def test_what_cannot_be_opened_is_one_line(tmp_path: Path) -> None:
    folder = written(tmp_path / "run", RunConfig("softmax"))
    with pytest.raises(ConfigError, match="is a run of softmax, not of rms_norm"):
        warploom.open_run(folder, "rms_norm")
    with pytest.raises(ConfigError, match="leave --start out"):
        warploom.open_run(folder, start="seed.cpp")
    with pytest.raises(ConfigError, match="leave --target out"):
        warploom.open_run(folder, target="cuda")
    with pytest.raises(JournalError, match=r"no run here: .*; --problem NAME begins one"):
        warploom.open_run(tmp_path / "nope")
    with pytest.raises(ProblemError, match="did you mean softmax"):
        warploom.open_run(tmp_path / "nope", "softmx")
    assert not (tmp_path / "nope").exists()
    changed = written(tmp_path / "changed", RunConfig("softmax"), name="softmax2")
    with pytest.raises(JournalError, match="problem softmax has changed since this run began"):
        warploom.open_run(changed)


def test_a_run_on_a_gpu_is_begun_only_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warploom.judge.places.find_devices", lambda: ())
    with pytest.raises(ConfigError, match="cuda runs on a GPU, and there is none here"):
        warploom.open_run(tmp_path / "nope", "softmax_bf16", target="cuda")
    assert not (tmp_path / "nope").exists()


def test_an_unknown_name_is_none_of_the_package() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'close_run'"):
        warploom.close_run  # noqa: B018 - reading it is the point
