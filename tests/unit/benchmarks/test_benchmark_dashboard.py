"""The benchmark of the dashboard: the run it makes up, what it counts as missed, and that it gives up."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip("starlette", reason="the extra ui is not installed")
pytest.importorskip("uvicorn", reason="the extra ui is not installed")

from warploom.archive.journal import read
from warploom.report.standing import RunReport

QUICK = {"median": 0.01, "worst": 0.02}


@pytest.fixture(scope="module")
def dashboard() -> ModuleType:
    return importlib.import_module("benchmarks.dashboard")


class Page:
    """Stands in for a browser: says yes from some question on."""

    console = ("said",)

    def __init__(self, yes_after: float) -> None:
        self.asked = 0
        self.yes_after = yes_after

    def evaluate(self, expression: str) -> bool:
        self.asked += 1
        return self.asked > self.yes_after


def test_the_run_that_is_made_up_is_whole_and_gets_faster(dashboard: ModuleType, tmp_path: Path) -> None:
    with dashboard.make(tmp_path / "run", 300) as run, read(run.folder) as journal:
        report = RunReport(journal)
    assert report.tally.evaluations == 300
    assert 20 < sum(report.tally.failures.values()) < 100
    assert report.tally.record is not None
    assert report.tally.promoted is not None
    assert report.tally.promoted.fitness == report.tally.record.fitness > 0
    assert len(report.tally.islands) == 4


def row(dashboard: ModuleType, **slow: object) -> dict[str, object]:
    several = {"jump_s": QUICK, "open_s": QUICK, "filter_s": {"show=failed": 0.1}}
    return dict.fromkeys(dashboard.TARGETS, 0.1) | several | slow


def test_the_worst_of_several_is_what_counts(dashboard: ModuleType) -> None:
    assert dashboard.missed(row(dashboard)) == {}
    slow = row(dashboard, list_s=2.5, jump_s={"median": 0.1, "worst": 0.7}, filter_s={"a": 0.1, "b": 1.5})
    assert dashboard.missed(slow) == {"list_s": 2.5, "jump_s": 0.7, "filter_s": 1.5}


def test_waiting_ends_when_it_holds_and_when_it_never_does(
    dashboard: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = Page(3)
    assert dashboard.until(page, "anything") > 0
    assert page.asked == 4
    found = dashboard.several(Page(0), 3, lambda index: str(index))
    assert 0 <= found["median"] <= found["worst"]
    monkeypatch.setattr(dashboard, "PATIENCE_SECONDS", 0.0)
    with pytest.raises(SystemExit, match=r"never: anything.*said"):
        dashboard.until(Page(float("inf")), "anything")
