"""The configuration's word → what answers the requests; and runs that wait for models."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from warploom.archive import journal as journals
from warploom.errors import ConfigError, InputError, ModelError
from warploom.problems.load import load_problem
from warploom.propose.mixed import Mixed
from warploom.propose.protocol import Proposer
from warploom.propose.without_model import WithoutModel
from warploom.propose.writer import Prepared, Writer
from warploom.search import run as runs
from warploom.search.proposers import judges_at_once, make_proposer, make_writer, requests_at_once, settle
from warploom.search.run import reopen, start
from warploom.testing.minds import Notebook
from warploom.testing.synthetic import synthetic_candidate, synthetic_problem
from warploom.values.candidate import Lineage
from warploom.values.config import RunConfig
from warploom.values.event import RunStarted
from warploom.values.problem import describe
from warploom.values.request import Individual, Request

HERE = "http://127.0.0.1:9/v1"


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def no_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    def make(*_: Any, **__: Any) -> None:
        raise AssertionError("half a minute was spent on a judge")

    monkeypatch.setattr(runs, "make_judge", make)


def made(config: RunConfig, folder: Path) -> Proposer:
    with journals.create(folder / "run", RunStarted({}, {}, {}, "0")) as journal:
        return make_proposer(config, synthetic_problem(), {}, [], journal)


@pytest.mark.parametrize(
    ("proposer", "kind", "name"),
    [
        ("moves", WithoutModel, "moves"),
        ("llm", Writer, "llm:m"),
        ("mix", Mixed, "mix"),
        ("command:my-agent --print", Writer, "llm:command:my-agent"),
    ],
)
def test_each_word_makes_its_proposer_and_needs_no_key_for_it(
    proposer: str, kind: type, name: str, tmp_path: Path
) -> None:
    found = made(RunConfig("twice", proposer=proposer, models=("m",)), tmp_path)
    assert isinstance(found, kind)
    assert found.name == name


def test_the_writer_is_as_the_configuration_wants_it(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "system.j2").write_text("You are {{ entry_point }}'s friend.")
    parent = Individual(synthetic_candidate(), Lineage(), 0.1, (0, 0, 0))
    other = Individual(synthetic_candidate((1,) * 6), Lineage(), 0.2, (1, 1, 1))
    request = Request(1, "", (parent,), (other,), None, 0, 0)

    def prepared(**words: Any) -> list[Prepared]:
        writer = make_writer(RunConfig("twice", **words), synthetic_problem(), None, Notebook())
        return [writer.prepare(replace(request, seed=seed)) for seed in range(60)]

    assert prepared(prompts=str(tmp_path / "own"))[0].messages[0].text == "You are twice's friend."
    assert "expert" in prepared()[0].messages[0].text
    assert "crossover" in {one.operator for one in prepared()}
    assert "crossover" not in {one.operator for one in prepared(crossover=False)}
    assert [one.operator for one in prepared(bandit=False)] != [one.operator for one in prepared()]


def test_auto_is_mix_only_where_a_model_is_named_and_can_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    notes: list[str] = []
    auto = RunConfig("twice", proposer="auto")
    assert settle(auto, notes.append).proposer == "moves"
    assert notes == []
    with monkeypatch.context() as named:
        named.setenv("OPENAI_MODEL", "m")
        assert settle(auto, notes.append).proposer == "moves"
        assert (
            notes.pop() == "OPENAI_MODEL names m, but there is no key: set OPENAI_API_KEY, and it proposes kernels too"
        )
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1234567")
    assert settle(auto, notes.append).proposer == "moves"
    assert notes == ["there is a key: name a model with --model NAME, and it proposes kernels too"]
    monkeypatch.setenv("OPENAI_MODEL", "m")
    settled = settle(auto, notes.append)
    assert (settled.proposer, settled.models, settled.base_url) == ("mix", ("m",), "https://api.openai.com/v1")
    assert settle(RunConfig("twice")).proposer == "moves"
    assert "sk-1234567" not in repr(settled)


def test_what_is_settled_stays_so(monkeypatch: pytest.MonkeyPatch) -> None:
    settled = settle(RunConfig("twice", proposer="llm", models=("m",), base_url=HERE + "/"))
    assert settled.base_url == HERE
    monkeypatch.setenv("OPENAI_BASE_URL", "http://elsewhere/v1")
    assert settle(settled) == settled


def test_a_model_that_is_asked_for_is_never_left_out(no_judge: None, tmp_path: Path) -> None:
    asked = RunConfig("softmax", proposer="auto", models=("m,price=1/2",))
    with pytest.raises(
        ModelError,
        match=r"^the model m cannot be asked: .* set OPENAI_API_KEY .*without --model the search needs no key$",
    ):
        start(tmp_path / "run", asked)
    assert not (tmp_path / "run").exists()
    assert settle(replace(asked, base_url=HERE)).proposer == "mix"


GIVEN: dict[str, tuple[str, Any]] = {
    "models": ("--model", ("m",)),
    "base_url": ("--base-url", HERE),
    "max_tokens_total": ("--max-tokens-total", 1000),
    "max_usd": ("--max-usd", 1.0),
    "max_requests": ("--max-requests", 3),
    "attempt_seconds": ("--attempt-seconds", 20.0),
    "answer_seconds": ("--answer-seconds", 60.0),
}


TOLD_ELSEWHERE = {("models", "auto"), ("max_tokens_total", "command:agent"), ("max_usd", "command:agent")}
OF_USE = ("max_requests", "command:agent")


@pytest.mark.parametrize(
    ("key", "proposer"),
    sorted({(key, by) for key in GIVEN for by in ("auto", "moves", "command:agent")} - TOLD_ELSEWHERE - {OF_USE}),
)
def test_an_option_that_nobody_has_a_use_for_is_refused(
    key: str, proposer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    option, value = GIVEN[key]
    given: dict[str, Any] = {"proposer": proposer, key: value}
    mend = "--model NAME" if proposer == "auto" else "--proposer mix"
    with pytest.raises(ConfigError, match=f"^{option} is for language models, and .*{mend}"):
        settle(RunConfig("twice", **given))
    if proposer == "auto" and key != "base_url":
        monkeypatch.setenv("OPENAI_MODEL", "m")
        with pytest.raises(ConfigError, match=f"^{option} is .*OPENAI_MODEL names, .* set OPENAI_API_KEY"):
            settle(RunConfig("twice", **given))


def test_a_command_has_a_use_for_a_cap_on_requests() -> None:
    assert settle(RunConfig("twice", proposer="command:agent", max_requests=3)).max_requests == 3


def test_runs_that_were_begun_with_unused_options_go_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = RunConfig("softmax", proposer="moves", models=("m,price=1/2",), max_usd=1.0).to_mapping()
    begun = RunStarted(config, describe(load_problem("softmax")), {}, "0")
    with journals.create(tmp_path / "earlier", begun):
        pass
    monkeypatch.setattr(runs, "local_parts", lambda *_: (_ for _ in ()).throw(InputError("it went on")))
    with pytest.raises(InputError, match="it went on"):
        reopen(tmp_path / "earlier")


def test_a_run_with_models_needs_its_key_again(no_judge: None, tmp_path: Path) -> None:
    config = RunConfig("softmax", proposer="llm", models=("m",)).to_mapping()
    begun = RunStarted(config, describe(load_problem("softmax")), {}, "0")
    with journals.create(tmp_path / "earlier", begun):
        pass
    with pytest.raises(ModelError, match="set OPENAI_API_KEY"):
        reopen(tmp_path / "earlier")


@pytest.mark.parametrize("proposer", ["llm", "mix"])
def test_a_model_must_be_named_and_reachable(proposer: str) -> None:
    with pytest.raises(ConfigError, match=f"--proposer {proposer} needs a model: --model NAME"):
        settle(RunConfig("twice", proposer=proposer, base_url=HERE))
    with pytest.raises(ModelError, match=r"no key for https.* without --model and --proposer the search needs no key"):
        settle(RunConfig("twice", proposer=proposer, models=("m",)))


def test_how_much_goes_on_at_a_time() -> None:
    moves, llm = RunConfig("twice"), RunConfig("twice", proposer="llm", models=("m",))
    assert (requests_at_once(moves), judges_at_once(moves)) == (1, 1)
    assert (requests_at_once(llm), judges_at_once(llm)) == (4, 1)
    assert requests_at_once(RunConfig("twice", proposer="command:agent")) == 4
    moves, llm = RunConfig("twice", in_flight=7), RunConfig("twice", proposer="llm", models=("m",), in_flight=7)
    assert (requests_at_once(moves), judges_at_once(moves)) == (7, 7)
    assert (requests_at_once(llm), judges_at_once(llm)) == (7, 1)


@pytest.mark.parametrize(
    ("address", "models", "says"),
    [
        ("", ("m",), "set OPENAI_API_KEY"),
        (HERE, (), "--model NAME"),
        ("http://a:b@127.0.0.1/v1", ("m",), "must not hold a password"),
    ],
)
def test_what_can_be_known_before_is_said_before_anything_is_made(
    address: str, models: tuple[str, ...], says: str, tmp_path: Path
) -> None:
    config = RunConfig("softmax", proposer="llm", models=models, base_url=address)
    with pytest.raises(InputError, match=says):
        start(tmp_path / "run", config)
    assert not (tmp_path / "run").exists()


def test_a_faulty_template_is_said_before_a_judge_is_made(no_judge: None, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "system.j2").write_text("Hello\n{% if %}")
    config = RunConfig("softmax", proposer="moves", prompts=str(own))
    with pytest.raises(ConfigError, match=r"system\.j2:2"):
        start(tmp_path / "run", config)
    begun = RunStarted(config.to_mapping(), describe(load_problem("softmax")), {}, "0")
    with journals.create(tmp_path / "earlier", begun):
        pass
    with pytest.raises(ConfigError, match=r"system\.j2:2"):
        reopen(tmp_path / "earlier")
