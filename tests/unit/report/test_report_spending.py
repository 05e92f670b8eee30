"""What models cost: while a run goes, and when it stands."""

from __future__ import annotations

import io
import math
from typing import Any

import pytest
from rich.console import Console

from warploom.report.progress import HEARTBEAT_SECONDS, Progress
from warploom.report.spending import ModelsReport, spent
from warploom.report.tally import Tally
from warploom.values.event import Evaluated, Proposed, RunStarted
from warploom.values.exchange import Spending

PRICED = {"a": Spending(1000, 0.5, 3), "b": Spending(500, 0.25, 2)}


def judged(number: int, fitness: float) -> Evaluated:
    return Evaluated(number, f"{number:016x}", "passed", "", "", fitness, 0.01, (0, 0, 0), 0, "new")


def tally(**config: Any) -> Tally:
    found = Tally()
    found.add(RunStarted({"evaluations": 150, **config}, {"name": "softmax"}))
    fitness = [("seed", 0.0), ("llm:a", 0.2), ("moves", 0.3), ("llm:a", 0.1), ("llm:b", 0.4), ("llm:a", 0.5)]
    for number, (proposer, reached) in enumerate(fitness):
        found.add(Proposed(number, f"{number:016x}", proposer, "improve", ""))
        found.add(judged(number, reached))
    return found


def test_who_improved_the_best_is_counted() -> None:
    assert dict(tally().proposed) == {"seed": 1, "llm:a": 3, "moves": 1, "llm:b": 1}
    assert dict(tally().improved) == {"llm:a": 2, "moves": 1, "llm:b": 1}


def test_the_cost_of_an_improvement() -> None:
    report = ModelsReport(PRICED, tally())
    found = report.to_object()
    assert (found["tokens"], found["usd"], found["requests"], found["unpriced"]) == (1500, 0.75, 5, 0)
    assert found["improvements"] == 3
    assert found["per_improvement"] == {"tokens": 500.0, "usd": 0.25}
    assert found["by_model"]["a"] == {**PRICED["a"].to_mapping(), "proposed": 3, "improved": 2}
    assert found["by_model"]["b"]["improved"] == 1
    assert report.line() == (
        "1,500 tokens · 5 requests · $0.7500; improved the best 3 times, for 500 tokens or $0.2500 each time"
    )


def test_an_unknown_price_is_said() -> None:
    report = ModelsReport({**PRICED, "free": Spending(100, 0.0, 1, 1)}, tally())
    assert report.to_object()["per_improvement"] == {"tokens": pytest.approx(1600 / 3, abs=1e-6), "usd": None}
    assert "$0.7500 and what has no known price; improved the best 3 times, for 533 tokens each" in report.line()
    assert "price unknown" in spent(Spending(100, 0.0, 1, 1), {})


def test_models_that_improved_nothing_and_runs_without_models() -> None:
    assert ModelsReport(PRICED, Tally()).line().endswith("none of their kernels became the best")
    assert ModelsReport(PRICED, Tally()).to_object()["per_improvement"] == {"tokens": None, "usd": None}
    assert ModelsReport({}, tally()).line() == ""
    assert ModelsReport({}, tally()).to_object()["by_model"] == {}
    lost = ModelsReport({"": Spending(70, 0.1, 1)}, tally()).to_object()
    assert lost["by_model"]["unanswered"]["tokens"] == 70


def test_caps_are_shown_beside_what_is_spent() -> None:
    config = {"max_tokens_total": 40_000, "max_usd": 1.5, "max_requests": 20}
    assert spent(Spending(12_345, 0.25, 7), config) == "12,345 of 40,000 tokens · 7 of 20 requests · $0.2500 of $1.5"


def test_a_remark_while_a_run_goes_stays_on_the_terminal() -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=80, force_terminal=True, highlight=False)
    with Progress(console) as progress:
        progress.note("compiling the reference")
        progress.take_up(tally(), 0.0)
        progress.note("149 requests may cost 1 million tokens")
        view = io.StringIO()
        Console(file=view, width=80).print(progress.render())
    assert "149 requests may cost 1 million tokens\n" in stream.getvalue().replace("\r", "")
    assert "149 requests" not in view.getvalue()
    assert "compiling the reference" in view.getvalue(), "what is being done is part of the view alone"


def test_the_running_total_is_in_the_view_and_in_plain_lines() -> None:
    now, spending = [0.0], [Spending()]
    stream = io.StringIO()
    progress = Progress(Console(file=stream, width=80), clock=lambda: now[0])
    progress.take_up(tally(max_tokens_total=2000), 0.0, lambda: spending[0])

    def view() -> str:
        into = io.StringIO()
        Console(file=into, width=80).print(progress.render())
        return into.getvalue()

    assert "models" not in view()
    spending[0] = Spending(1500, 0.75, 5)
    assert "models     1,500 of 2,000 tokens · 5 requests · $0.7500" in view()
    now[0] += HEARTBEAT_SECONDS + 1
    progress.observe(judged(9, math.log(1.01)))
    assert "1,500 of 2,000 tokens" in stream.getvalue()
