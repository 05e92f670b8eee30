"""A benchmark as tables, object and page."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from rich.console import Console

from warploom.errors import ConfigError
from warploom.report.suite.page import suite_page, write_suite_page
from warploom.report.suite.table import render_results, results_object
from warploom.search.suite.bench import Results
from warploom.search.suite.light import ASSUMPTIONS
from warploom.search.suite.row import Row
from warploom.testing.suite_world import plan_of

HOSTILE = '<script>alert("1")</script>\x1b[31m'


def made(name: str, eager: float, level: str = "level 1", kind: str = "gemm") -> Row:
    speedup = {"eager": (eager, eager * 0.95, eager * 1.05), "compile": (eager / 2, eager / 2.1, eager / 1.9)}
    workload = {"workload": "n=8", "kernel_ns": 1.5e6, "baselines": {}}
    return Row(
        name, name, level, "verified", kind=kind, title=f"title of {name}", start="own", best="a", speedup=speedup,
        light={"eager": 0.25}, workloads=(workload,), evaluations=60, minutes=1.25, environment={"torch": "2.13.0"},
    )  # fmt: skip


@pytest.fixture
def results(tmp_path: Path) -> Results:
    rows = (
        made("one", 2.0),
        made("two", 0.5, "level 2", "conv"),
        Row("three", "three", "level 2", "not started", HOSTILE),
        Row("four", "four", "level 2", "quarantined", "all zeros pass"),
        Row("five", "five", "level 2"),
    )
    return Results(tmp_path, plan_of("one", "two", "three", "four", "five"), rows)


def said(results: Results, width: int = 120) -> str:
    console = Console(width=width, no_color=True)
    with console.capture() as captured:
        console.print(render_results(results))
    return captured.get()


def test_the_tables_hold_every_problem_and_every_group(results: Results) -> None:
    text = said(results)
    assert "4 problems, 2 with a verified kernel · 8 evaluations each · seed 1" in text
    assert re.search(r"one +gemm +1\.50 ms +2\.00× \[1\.90, 2\.10\] +1\.00× \[0\.95, 1\.05\] +0\.25", text)
    assert re.search(r"all +4 +0\.50 +0\.25 +0\.25 +0\.00 +0\.00 +0\.00 +1\.00× +1\.00× +0\.50× +0\.12", text)
    for group in ("level 1", "level 2", "conv", "gemm", "unknown"):
        assert re.search(rf"^{group} +\d", text, re.MULTILINE), group
    assert "worst: two" in text
    assert "four: all zeros pass" in text
    assert "three: not started: <script>" in text
    assert "not yet at work on: 1" in text
    assert "to go on: the same command once more" in text


def test_a_terminal_of_80_columns_is_wide_enough(results: Results) -> None:
    lines = said(replace(results, rows=results.rows[:2]), 80).splitlines()
    assert max(map(len, lines)) <= 80
    assert any(re.search(r"one +gemm .*2\.00× \[1\.90, 2\.10\]", line) for line in lines)


def test_the_object_holds_scores_groups_and_assumptions(results: Results) -> None:
    found = json.loads(json.dumps(results_object(results), allow_nan=False))
    assert found["statuses"] == {"verified": 2, "not started": 1, "quarantined": 1, "waiting": 1}
    assert found["score"]["against"]["eager"]["fast_p"] == {"0": 0.5, "1": 0.25, "1.5": 0.25, "2": 0, "3": 0, "5": 0}
    assert set(found["levels"]) == {"level 1", "level 2"}
    assert set(found["kinds"]) == {"gemm", "conv", "unknown"}
    assert found["quarantined"] == {"four": "all zeros pass"}
    assert set(found["without_kernel"]) == {"three", "five"}
    assert found["assumptions"] == list(ASSUMPTIONS)
    assert (found["finished"], found["environment"]) == (False, {"torch": "2.13.0"})


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.places: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.places += [value or "" for name, value in attrs if name in ("src", "href")]


def test_the_page_holds_everything_and_loads_nothing(results: Results, tmp_path: Path) -> None:
    size = write_suite_page(results, tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert size == len(text.encode())
    tags = Tags(text)
    assert "script" not in tags.names
    assert tags.names.count("svg") == 4  # two charts, each for both widths
    assert all(place.startswith("#") or place == "data:," for place in tags.places)
    assert {place[1:] for place in tags.places if place.startswith("#")} <= set(re.findall(r'id="([^"]+)"', text))
    assert "\x1b" not in text
    for words in (
        "title of two",
        "all zeros pass",
        "four",
        "not started",
        ASSUMPTIONS[0][:40],
        "This benchmark has not ended",
    ):
        assert words in text, words
    with pytest.raises(ConfigError, match="cannot be written"):
        write_suite_page(results, tmp_path)


def test_problems_are_called_by_their_names(results: Results) -> None:
    title = "KernelBench 1/40: LayerNorm (made smaller to be judged here: dim1 256 → 64)"
    text = suite_page(replace(results, rows=(replace(made("kb-1-40", 2.0), title=title),)))
    assert "<td>kb-1-40</td><td>LayerNorm</td><td>gemm</td>" in text
    assert f"<td>{title}</td>" in text
    assert text.count(">kb-1-40 LayerNorm<") == 2, "in the chart, for both widths"


def test_a_page_without_a_kernel_says_so(results: Results) -> None:
    text = suite_page(replace(results, rows=results.rows[2:]))
    assert "No problem has a verified kernel yet" in text
    assert "<svg" not in text
