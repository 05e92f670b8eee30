from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from warploom.cli import calibrate as command
from warploom.cli.main import BAD_INPUT, FAILED, PASSED, run
from warploom.judge.machine.calibration import FILE, Calibration, Peaks
from warploom.judge.machine.calibrator import Calibrator
from warploom.judge.selftest.relations import Relation
from warploom.judge.timing.sampling import AGAINST_ITSELF

Captured = pytest.CaptureFixture[str]

PEAKS = Peaks({1 << 16: 400.0, 1 << 27: 37.25}, 236.0)
TAKEN = Calibration(
    "key", "g++ 12.2.0", time.time(), 0.03, PEAKS, 20.0, 55.0, 31_000.0, ((0.021, 0.004), (-0.01, 0.004))
)
HOLDS = Relation("a kernel is as fast as itself", True, "1.00× wanted", {"median": 1.0})
FAILS = Relation("a kernel with one wrong element fails", False, "it passed")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def takes(monkeypatch: pytest.MonkeyPatch, taken: Calibration) -> list[Any]:
    asked: list[Any] = []

    def take(self: Calibrator, *words: Any) -> Calibration:
        *figures, say = words
        asked.append(tuple(figures))
        say("measuring [all of it]")
        return taken

    monkeypatch.setattr(Calibrator, "take", take)
    return asked


def test_every_figure_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    asked = takes(monkeypatch, TAKEN)
    assert run(["calibrate"]) == PASSED
    assert asked == [(command.COMPARISONS, AGAINST_ITSELF, command.WATCH_SECONDS)]
    printed = capsys.readouterr().out
    assert f"kept in {tmp_path / 'warploom' / FILE}\n" in printed, "a path is not broken over lines"
    text = "".join(printed.split())
    wanted = [TAKEN.id, "g++ 12.2.0", "3% at work", "20 ns steps, 55 ns", "31.0 µs", "236 GFLOP/s", "37.2 GB/s"]
    for words in (*wanted, "reading 64 KiB", "reading 128 MiB", "2 times, at most 2.1% off, intervals of ±0.4%"):
        assert words.replace(" ", "") in text
    assert "busy" not in text


def test_json_holds_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    asked = takes(monkeypatch, TAKEN)
    assert run(["calibrate", "--json", "--comparisons", "3"]) == PASSED
    assert asked[0][0] == 3
    found = json.loads(capsys.readouterr().out)
    assert found["id"] == TAKEN.id
    assert found["noise_floor"] == TAKEN.noise_floor
    assert found["peaks"]["bytes_per_ns"] == {"65536": 400.0, "134217728": 37.25}
    assert found["itself"] == [[0.021, 0.004], [-0.01, 0.004]]
    assert found["file"] == str(tmp_path / "warploom" / FILE)
    assert found["hardware"]["cores"] >= 1
    assert found["warnings"] == []


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_what_is_being_done_is_told_aside(words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    takes(monkeypatch, TAKEN)
    assert run(["calibrate", *words]) == PASSED
    assert capsys.readouterr().err == "measuring [all of it]\n"
    assert run(["calibrate", *words, "--quiet"]) == PASSED
    assert capsys.readouterr().err == ""


def test_a_busy_machine_is_warned_of(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    takes(monkeypatch, replace(TAKEN, busy=0.61))
    assert run(["calibrate"]) == PASSED
    assert "61% busy with other work" in " ".join(capsys.readouterr().out.split())
    assert run(["calibrate", "--json"]) == PASSED
    assert "61% busy" in json.loads(capsys.readouterr().out)["warnings"][0]


def test_no_comparison_is_no_calibration(capsys: Captured) -> None:
    assert run(["calibrate", "--comparisons", "0"]) == BAD_INPUT
    assert "--comparisons 0: at least 1 is needed" in capsys.readouterr().err


@pytest.mark.parametrize(("relations", "code"), [([HOLDS], PASSED), ([HOLDS, FAILS], FAILED)])
def test_the_self_test_says_line_by_line_what_holds(
    relations: list[Relation], code: int, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    def test(*words: Any) -> Iterator[Relation]:
        return iter(relations)

    monkeypatch.setattr(command, "self_test", test)
    assert run(["calibrate", "--self-test"]) == code
    text = capsys.readouterr().out
    assert all(one.name in text and one.detail in text for one in relations)
    assert ("all 1 relations hold" if code == PASSED else "1 of 2 relations do not hold") in text
    assert run(["calibrate", "--self-test", "--json"]) == code
    found = json.loads(capsys.readouterr().out)
    assert found["passed"] is (code == PASSED)
    assert [one["name"] for one in found["relations"]] == [one.name for one in relations]
    assert found["relations"][0]["figures"] == {"median": 1.0}
