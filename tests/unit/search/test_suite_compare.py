"""Benchmarks side by side."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from warploom.errors import ConfigError
from warploom.report.suite.comparison import comparison_object, render_comparison
from warploom.search.suite.bench import RESULTS
from warploom.search.suite.compare import compare
from warploom.search.suite.plan import FILE
from warploom.search.suite.row import Row
from warploom.testing.suite_world import plan_of


def write(folder: Path, speeds: Mapping[str, float | None], *, torch: str = "2.13.0", **asked: Any) -> Path:
    folder.mkdir()
    (folder / FILE).write_text(json.dumps(plan_of(*speeds, **asked).to_plain()))
    lines = []
    for name, value in speeds.items():
        known = {"eager": (value, value * 0.98, value * 1.02)} if value is not None else {}
        status, best = ("verified", "a") if known else ("no kernel", "")
        row = Row(
            name, name, "1", status, problem=f"hash of {name}", best=best, speedup=known, environment={"torch": torch}
        )
        lines.append(json.dumps(row.to_plain()))
    (folder / RESULTS).write_text("\n".join(lines) + "\n")
    return folder


def test_the_second_is_set_over_the_first_where_both_have_a_kernel(tmp_path: Path) -> None:
    first = write(tmp_path / "a", {"one": 2.0, "two": 1.0, "three": None, "four": 3.0})
    second = write(tmp_path / "b", {"one": 4.0, "two": 0.5, "three": 9.0, "four": 3.0})
    found = compare([first, second])
    assert found.common == ("one", "two", "three", "four")
    (ratio,) = found.ratios["eager"]
    assert ratio.ends is not None
    assert ratio.ends[0] == pytest.approx(1.0)  # 2 · ½ · 1
    assert (ratio.problems, ratio.better, ratio.worse) == (3, ("one",), ("two",))
    off = math.hypot(*[math.hypot(math.log(1 / 0.98), math.log(1.02))] * 3) / 3
    assert ratio.ends[1] == pytest.approx(math.exp(-off))
    assert [one.correct for one in found.scores] == [3, 4]
    assert found.differences == ()
    plain = json.loads(json.dumps(comparison_object(found), allow_nan=False))
    assert plain["problems"]["three"]["eager"] == [None, 9.0]
    assert plain["over_the_first"]["eager"][0]["faster_for_sure"] == ["one"]
    assert plain["over_the_first"]["compile"][0]["ratio"] is None


def test_what_is_not_alike_is_said(tmp_path: Path) -> None:
    first = write(tmp_path / "a", {"one": 2.0, "two": 1.0})
    second = write(tmp_path / "b", {"one": 2.0}, torch="2.6.0", evaluations=99)
    found = compare([first, second])
    assert found.common == ("one",)
    assert found.differences == (
        "torch: 2.13.0 | 2.6.0",
        "evaluations: 8 | 99",
        "problems: 2 | 1; compared on the 1 that all of them have",
    )
    console = Console(width=160, no_color=True)
    with console.capture() as captured:
        console.print(render_comparison(found))
    assert "not alike: torch: 2.13.0 | 2.6.0" in captured.get()
    assert "1.00× [0.97, 1.03] on the 1 where both have a kernel" in " ".join(captured.get().split())


def test_a_problem_that_changed_is_not_the_same(tmp_path: Path) -> None:
    first, second = write(tmp_path / "a", {"one": 2.0, "two": 1.0}), write(tmp_path / "b", {"one": 2.0, "two": 1.0})
    path = second / RESULTS
    path.write_text(path.read_text().replace("hash of one", "another hash"))
    assert compare([first, second]).common == ("two",)
    path.write_text(path.read_text().replace("hash of two", "another hash"))
    with pytest.raises(ConfigError, match="have no problem in common"):
        compare([first, second])


def test_one_benchmark_cannot_be_compared(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="two benchmarks or more"):
        compare([write(tmp_path / "a", {"one": 2.0})])
    with pytest.raises(ConfigError, match="holds no benchmark"):
        compare([tmp_path / "a", tmp_path / "nothing"])
