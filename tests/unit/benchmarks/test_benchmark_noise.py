"""The recorder of noise: waits for quiet, drops what was disturbed, keeps what it does not record now."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from warploom.sandbox.lease import Lease
from warploom.values.outcome import Timing
from warploom.values.problem import Workload


@pytest.fixture
def noise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, with a kernel that takes no time and a machine that is quiet."""
    module = importlib.import_module("benchmarks.noise")
    taken = Timing(Workload(n=4), "incumbent", (100.0, 101.4), (99.0, 100.0), calls=(2, 2))

    def compare(*words: Any) -> Iterator[list[Timing]]:
        assert words[3:] == (1, module.ALL_PAIRS)
        yield [taken]

    monkeypatch.setattr(module.against_itself, "compare", compare)
    monkeypatch.setattr(module, "busy_share", lambda seconds: 0.02)
    lease = Lease(tmp_path / "lease")
    monkeypatch.setattr(module.Lease, "of_device", lambda: lease)
    return module


def test_the_samples_are_recorded_as_they_were(noise: ModuleType, tmp_path: Path) -> None:
    out = tmp_path / "record.json"
    assert noise.main(["--comparisons", "2", "--states", "quiet", "--out", str(out)]) == 0
    found = json.loads(out.read_text())
    assert found["machine"]["cores"] >= 1
    comparisons = found["states"]["quiet"]["comparisons"]
    series = {"workload": "n=4", "calls": 2, "own_ns": [100, 101], "other_ns": [99, 100]}
    assert comparisons == [{"busy": 0.02, "timings": [series]}] * 2


def test_what_was_disturbed_is_no_quiet_and_other_states_are_kept(
    noise: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "record.json"
    assert noise.main(["--comparisons", "1", "--states", "loaded", "--load", "0", "--out", str(out)]) == 0
    shares = [0.5, 0.02, 0.9, 0.02, 0.03]  # not begun; begun and disturbed; quiet from before until after
    monkeypatch.setattr(noise, "busy_share", lambda seconds: shares.pop(0))
    assert noise.main(["--comparisons", "1", "--states", "quiet", "--out", str(out)]) == 0
    assert shares == []
    states = json.loads(out.read_text())["states"]
    assert sorted(states) == ["loaded", "quiet"]
    assert states["quiet"]["comparisons"][0]["busy"] == 0.03


def test_a_machine_that_never_becomes_quiet_is_a_failure(noise: ModuleType, tmp_path: Path) -> None:
    out = tmp_path / "record.json"
    assert noise.main(["--comparisons", "1", "--states", "quiet", "--minutes", "0", "--out", str(out)]) == 1


def test_cores_are_kept_busy_and_let_go(noise: ModuleType) -> None:
    with noise.busy_cores(1) as burners:
        assert [burner.poll() for burner in burners] == [None]
    assert burners[0].poll() is not None
