"""The summary of a run: what it says when nothing better was found, and that it fits a terminal."""

from __future__ import annotations

import io
import math
from pathlib import Path

import pytest
from rich.console import Console

from warploom.archive.journal import read
from warploom.report.evaluation import times_table
from warploom.report.html.facts import environment_rows
from warploom.report.html.figures.speedup import speedup as speedup_figure
from warploom.report.html.story import Story
from warploom.report.standing import RunReport
from warploom.search.noise import percent, ratio
from warploom.testing.chronicle import Chronicle
from warploom.values.outcome import Timing
from warploom.values.problem import Workload


def told(folder: Path) -> tuple[str, RunReport]:
    """The summary at 80 columns, and where it comes from."""
    with read(folder) as journal:
        report = RunReport(journal)
    stream = io.StringIO()
    Console(file=stream, width=80).print(report.summary())
    return stream.getvalue(), report


@pytest.mark.parametrize(
    ("speedup", "better_than_the_seed", "said"),
    [
        (0.5, False, {"beats the seed", "not faster than PyTorch eager"}),
        (1.5, False, {"beats the seed"}),
        (0.9, True, {"not faster than PyTorch eager"}),
        (1.5, True, set()),
    ],
)
def test_what_was_not_found_is_said_with_the_noise_floor(
    tmp_path: Path, speedup: float, better_than_the_seed: bool, said: set[str]
) -> None:
    with Chronicle(tmp_path / "run") as run:
        best = seed = run.judged(0.0)
        if better_than_the_seed:
            run.promoted(seed, 0.0)
            best = run.judged(math.log(speedup), parent=seed)
        run.promoted(best, math.log(speedup))
        run.ended()
    text, report = told(tmp_path / "run")
    lines = [line for line in text.splitlines() if "noise floor" in line]
    assert len(lines) == len(said)
    assert all(any(words in line for line in lines) for words in said)
    assert all("noise floor" in line and "1.0%" in line for line in lines)
    assert report.to_object()["noise_floor"] == 0.01


def test_a_noise_floor_is_said_as_the_factor_that_it_is() -> None:
    """It is kept as a difference of log speedups: 0.3 is a factor of 1.35, and 35 %."""
    assert (percent(0.3), ratio(0.3), percent(0.01), ratio(0.01)) == ("35.0%", "1.35×", "1.0%", "1.01×")


def test_the_noise_floor_of_a_noisy_machine_is_the_same_wherever_it_is_shown(tmp_path: Path) -> None:
    with Chronicle(tmp_path / "run") as run:
        run.promoted(run.judged(0.0), 0.0, floor=0.3)
    text, report = told(tmp_path / "run")
    assert text.count("35.0%") == 2
    assert "30.0%" not in text
    assert report.to_object()["noise_floor"] == 0.3
    with read(tmp_path / "run") as journal:
        story = Story(journal)
    assert ("noise floor", "35.0%") in environment_rows(story)
    assert "less than 35.0% apart" in speedup_figure(story.climb, 880).markup()


def test_before_anything_was_promoted_there_is_no_noise_floor(tmp_path: Path) -> None:
    with Chronicle(tmp_path / "run") as run:
        run.judged(0.0)
    text, report = told(tmp_path / "run")
    assert "No kernel has been promoted yet." in text
    assert "noise" not in text
    assert report.to_object()["noise_floor"] is None


def test_a_workload_of_many_axes_stays_whole_at_eighty_columns() -> None:
    workload = Workload(heads=40, kv_heads=8, context=4096, dim=128)
    timings = [Timing(workload, name, (1.7e6, 1.7e6), (5.2e6, 5.2e6)) for name in ("eager", "compile", "incumbent")]
    stream = io.StringIO()
    Console(file=stream, width=80).print(times_table(timings, 30_000.0))
    lines = stream.getvalue().splitlines()
    assert lines[0] == "heads=40,kv_heads=8,context=4096,dim=128"
    assert [line.split("  ")[1] for line in lines[1:]] == [
        "the kernel",
        "PyTorch eager",
        "torch.compile",
        "the best before",
    ]
    assert len({line.index(" ms") for line in lines[1:]}) == 1, "times stand below one another"
