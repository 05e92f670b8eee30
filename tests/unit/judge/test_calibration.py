"""A calibration is kept for its machine and toolchain, and distrusted when it is stale."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from warploom.judge.machine import against_itself
from warploom.judge.machine import calibrator as calibrators
from warploom.judge.machine.calibration import (
    FILE,
    FORMAT,
    MOST_AGE_DAYS,
    MOST_DRIFT,
    SMALLEST_FLOOR,
    Calibration,
    Peaks,
    keep,
    noise_floor,
    recall,
    stale,
)
from warploom.judge.machine.calibrator import Calibrator
from warploom.judge.machine.hardware import hardware
from warploom.judge.machine.probe import SIZES, Probed
from warploom.judge.timing.sampling import BRIEFLY
from warploom.sandbox.jail import find_jail
from warploom.sandbox.lease import Lease
from warploom.toolchain.find import find_toolchain
from warploom.toolchain.protocol import Toolchain

NOW_S = 1.8e9
PEAKS = Peaks({1 << 16: 100.0, 1 << 24: 10.0}, 200.0)
ITSELF = ((0.01, 0.003), (-0.002, 0.004), (0.004, 0.002))
TAKEN = Calibration("k1", "g++ 12.2.0", NOW_S - 86400, 0.05, PEAKS, 20.0, 50.0, 30_000.0, ITSELF, 1.0)


def look(cache: Path, hardware: str = "k1", toolchain: str = "g++ 12.2.0") -> tuple[Calibration | None, str]:
    return recall(cache, hardware, toolchain, NOW_S)


def test_what_is_kept_comes_back_whole(tmp_path: Path) -> None:
    assert look(tmp_path) == (None, "there is none yet")
    keep(tmp_path / "new", TAKEN)
    found, reason = look(tmp_path / "new")
    assert found == TAKEN
    assert found is not None
    assert found.id == TAKEN.id
    assert reason == ""
    assert [path.name for path in (tmp_path / "new").iterdir()] == [FILE], "nothing half-written stays"


def test_machines_and_toolchains_are_kept_apart(tmp_path: Path) -> None:
    for one in (TAKEN, replace(TAKEN, hardware="k2"), replace(TAKEN, toolchain="clang++ 14")):
        keep(tmp_path, one)
    assert look(tmp_path)[0] == TAKEN
    assert look(tmp_path, "k2")[0] == replace(TAKEN, hardware="k2")
    assert look(tmp_path, toolchain="clang++ 14")[0] == replace(TAKEN, toolchain="clang++ 14")
    none, reason = look(tmp_path, toolchain="g++ 13.1.0")
    assert none is None
    assert reason == "it was taken with g++ 12.2.0, clang++ 14"
    assert look(tmp_path, "k3") == (None, "it was taken on other hardware")


def test_an_entry_in_the_wrong_place_is_not_believed(tmp_path: Path) -> None:
    keep(tmp_path, TAKEN)
    text = (tmp_path / FILE).read_text()
    (tmp_path / FILE).write_text(text.replace('"k1 g++ 12.2.0":', '"k2 g++ 12.2.0":'))
    found, reason = look(tmp_path, "k2")
    assert found is None
    assert "taken on another" in reason


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({}, ""),
        ({"taken_s": NOW_S - (MOST_AGE_DAYS + 1) * 86400}, f"it is {MOST_AGE_DAYS + 1} days old"),
        ({"taken_s": NOW_S + 86400}, "its date lies in the future"),
        ({"busy": 0.6}, "60% busy"),
        ({"busy": None}, ""),
        ({"drift": MOST_DRIFT * 1.01}, "times as fast later"),
        ({"drift": MOST_DRIFT * 0.99}, ""),
    ],
)
def test_a_stale_calibration_says_why(changed: dict[str, float], wanted: str) -> None:
    reason = stale(replace(TAKEN, **changed), NOW_S)  # type: ignore[arg-type]
    assert bool(reason) == bool(wanted)
    assert wanted in reason


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("{", "cannot be read"),
        ("[]", "cannot be read"),
        (json.dumps({"format": FORMAT + 1, "calibrations": {}}), f"format {FORMAT + 1}"),
        (json.dumps({"format": FORMAT, "calibrations": []}), "none yet"),
        (json.dumps({"format": FORMAT, "calibrations": {"k1 g++ 12.2.0": {}}}), "damaged"),
    ],
)
def test_a_file_that_is_no_calibration_is_none(tmp_path: Path, text: str, wanted: str) -> None:
    (tmp_path / FILE).write_text(text)
    found, reason = look(tmp_path)
    assert found is None
    assert wanted in reason
    keep(tmp_path, TAKEN)
    assert look(tmp_path)[0] == TAKEN, "and the next one takes its place"


@pytest.mark.parametrize(
    "wrong",
    [
        {"itself": []},
        {"itself": [0.1]},
        {"itself": [[0.1, float("inf")]]},
        {"round_trip_ns": -1.0},
        {"busy": "much"},
        {"drift": float("nan")},
        {"surplus": 1},
        {"peaks": 3},
    ],
)
def test_a_figure_that_cannot_be_is_not_believed(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="not a calibration"):
        Calibration.from_plain({**TAKEN.to_plain(), **wrong})


def test_the_id_names_every_figure() -> None:
    others = [
        replace(TAKEN, taken_s=1.0),
        replace(TAKEN, itself=((0.0, 0.0),)),
        replace(TAKEN, round_trip_ns=1.0),
        replace(TAKEN, peaks=Peaks(PEAKS.bytes_per_ns, 201.0)),
        replace(TAKEN, busy=None),
    ]
    assert len({one.id for one in (TAKEN, *others)}) == 6
    assert TAKEN.describe()["id"] == TAKEN.id


def test_the_noise_floor_is_what_intervals_do_not_show() -> None:
    assert noise_floor([(0.0, 0.001), (0.001, 0.001), (-0.001, 0.001)]) == SMALLEST_FLOOR
    quantiles = [0.03 * value for value in (-1.6, -1.0, -0.6745, -0.3, 0.0, 0.3, 0.6745, 1.0, 1.6)]
    assert noise_floor([(off, 0.0) for off in quantiles]) == pytest.approx(1.96 * 0.03, rel=1e-3)
    assert noise_floor([(off, 1.96 * 0.024) for off in quantiles]) == pytest.approx(1.96 * 0.018, rel=1e-3)
    assert noise_floor([(off, 1.96 * 0.03) for off in quantiles]) == SMALLEST_FLOOR, "the intervals say it all"
    disturbed = [(0.004, 0.001), (0.005, 0.001), (-0.005, 0.001), (0.9, 0.001)]
    assert noise_floor(disturbed) < 0.02, "one that was disturbed does not set it"
    assert TAKEN.noise_floor == pytest.approx(noise_floor(TAKEN.itself))


def test_peaks_only_rise() -> None:
    higher = Peaks({1 << 16: 90.0, 1 << 24: 15.0}, 210.0)
    assert higher.above(PEAKS) == Peaks({1 << 16: 100.0, 1 << 24: 15.0}, 210.0)
    assert higher.drift(PEAKS) == pytest.approx(1.5)
    assert Peaks(PEAKS.bytes_per_ns, 300.0).drift(PEAKS) == pytest.approx(1.5)


class FakeToolchain:
    """Stands in for a compiler."""

    language = "cpp"

    def __init__(self, version: str = "g++ 12.2.0") -> None:
        self._version = version

    def version(self) -> str:
        return self._version


@pytest.fixture
def probes(monkeypatch: pytest.MonkeyPatch) -> list[Probed]:
    """What the probes will see, one after another; the last one again and again."""
    seen = [Probed(PEAKS, 25_000.0)]
    monkeypatch.setattr(calibrators, "probe", lambda *_: seen.pop(0) if len(seen) > 1 else seen[0])
    monkeypatch.setattr(calibrators, "busy_share", lambda seconds: seconds)
    monkeypatch.setattr(calibrators, "WATCH_SECONDS", 0.0)
    monkeypatch.setattr(against_itself, "compare", lambda *words: [[] for _ in range(words[3])])
    monkeypatch.setattr(against_itself, "deviation", lambda timings: (0.002, 0.004))
    return seen


def calibrator(folder: Path, version: str = "g++ 12.2.0", key: str = "k1") -> Calibrator:
    toolchain: Toolchain = FakeToolchain(version)  # type: ignore[assignment]
    return Calibrator(toolchain, find_jail(), folder, {"key": key}, Lease(folder / "lease"))


def test_it_is_taken_once_and_named(tmp_path: Path, probes: list[Probed]) -> None:
    said: list[str] = []
    first = calibrator(tmp_path).current(said.append)
    assert said == ["calibrating this machine: there is none yet"]
    assert first.itself == ((0.002, 0.004),) * calibrators.COMPARISONS
    assert (first.round_trip_ns, first.peaks) == (25_000.0, PEAKS)
    again = calibrator(tmp_path)
    assert again.current(said.append) == first
    assert again.current(said.append) == first
    assert len(said) == 1


def test_a_stale_one_is_renewed(tmp_path: Path, probes: list[Probed]) -> None:
    keep(tmp_path, replace(TAKEN, taken_s=1.0))
    said: list[str] = []
    found = calibrator(tmp_path).current(said.append)
    assert "days old" in said[0]
    assert found.taken_s > 1.0
    assert calibrator(tmp_path).recall() == (found, "")


def test_another_toolchain_takes_its_own(tmp_path: Path, probes: list[Probed]) -> None:
    first = calibrator(tmp_path).current()
    other = calibrator(tmp_path, "g++ 13.1.0").current()
    assert first.toolchain != other.toolchain
    assert calibrator(tmp_path).current() == first


def test_the_busier_moment_counts(tmp_path: Path, probes: list[Probed], monkeypatch: pytest.MonkeyPatch) -> None:
    shares = [0.1, 0.7]
    monkeypatch.setattr(calibrators, "busy_share", lambda seconds: shares.pop(0))
    said: list[str] = []
    assert calibrator(tmp_path).take(2, say=said.append).busy == 0.7
    assert said[-1] == "comparing a kernel with itself, 2 times"
    monkeypatch.setattr(calibrators, "busy_share", lambda seconds: None)
    assert calibrator(tmp_path).take().busy is None


def test_a_faster_machine_is_a_drift_that_renews_the_next_time(tmp_path: Path, probes: list[Probed]) -> None:
    own = calibrator(tmp_path)
    before = own.current()
    probes[:] = [Probed(Peaks({size: 2 * peak for size, peak in PEAKS.bytes_per_ns.items()}, 100.0), 20_000.0)]
    own.raise_peaks()
    assert own.current().round_trip_ns == 20_000.0
    assert own.current().peaks == Peaks({1 << 16: 200.0, 1 << 24: 20.0}, 200.0)
    assert own.current().drift == pytest.approx(2.0)
    assert own.current().id != before.id
    found, reason = calibrator(tmp_path).recall()
    assert found == own.current()
    assert "2.00 times as fast" in reason
    renewed = calibrator(tmp_path).current()
    assert (renewed.drift, renewed.peaks) == (1.0, own.current().peaks)


def test_this_machine_can_be_calibrated(tmp_path: Path) -> None:
    real = Calibrator(find_toolchain("cpp"), find_jail(), tmp_path, hardware(), Lease(tmp_path / "lease"))
    found = real.take(2, replace(BRIEFLY, least=3, most=3), 0.01)
    assert set(found.peaks.bytes_per_ns) == set(SIZES)
    assert all(0.05 < peak < 100_000 for peak in found.peaks.bytes_per_ns.values())
    assert 0.5 < found.peaks.operations_per_ns < 1_000_000
    assert 0 < found.timer_resolution_ns <= found.timer_overhead_ns * 10
    assert found.round_trip_ns > 1000
    assert len(found.itself) == 2
    assert all(abs(off) < math.log(20) and half_width > 0 for off, half_width in found.itself)
    kept, _ = real.recall()
    assert kept == found
