"""What beats the machine is a fault, once the machine was measured again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from warploom.judge.fault import Fault
from warploom.judge.hardware import hardware
from warploom.judge.roofline import MARGIN, SIZES, Roofline
from warploom.sandbox.jail import find_jail
from warploom.sandbox.lease import Lease
from warploom.toolchain.find import find_toolchain
from warploom.values.outcome import Timing
from warploom.values.problem import Problem, Reference, Tensor, Workload

MACHINE = {"key": "test"}
BIG = Workload(n=1 << 22)
"""16 MiB in, 16 MiB out."""


def problem(operations: str = "") -> Problem:
    return Problem(
        name="copy",
        axes=("n",),
        inputs={"x": Tensor("n")},
        outputs={"out": Tensor("n")},
        reference=Reference("copy.py", "copy", ""),
        workloads=[BIG],
        operations=operations,
    )


def timing(ns: float, workload: Workload = BIG) -> Timing:
    return Timing(workload, "eager", (ns, ns, ns), (ns, ns, ns))


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Roofline, list[int]]]:
    """A roofline with known peaks: 10 bytes a nanosecond from memory, 100 from caches, 1000 operations a nanosecond."""

    def make(better: float = 1.0) -> tuple[Roofline, list[int]]:
        peaks = {str(size): 100.0 if size < 1 << 24 else 10.0 for size in SIZES}
        kept = {"bytes_per_ns": peaks, "operations_per_ns": 1000.0}
        (tmp_path / "roofline-test.json").write_text(json.dumps(kept))
        measured: list[int] = []

        def measure(self: Roofline) -> None:
            measured.append(1)
            self.bytes_per_ns = {size: peak * better for size, peak in self.bytes_per_ns.items()}

        monkeypatch.setattr(Roofline, "measure", measure)
        lease = Lease(tmp_path / "lease")
        return Roofline(find_toolchain("cpp"), find_jail(), tmp_path, MACHINE, lease), measured

    return make


Build = Callable[..., tuple[Roofline, list[int]]]


def test_peaks_come_from_the_cache(build: Build) -> None:
    roofline, measured = build()
    assert not measured
    assert roofline.floor_ns(problem(), BIG) == pytest.approx((1 << 25) / 10)


def test_small_data_may_be_as_fast_as_the_caches(build: Build) -> None:
    roofline, _ = build()
    small = Workload(n=1 << 12)
    assert roofline.floor_ns(problem(), small) == pytest.approx((1 << 15) / 100)


def test_operations_count_where_they_are_known(build: Build) -> None:
    roofline, _ = build()
    assert roofline.floor_ns(problem("2*n*n"), BIG) == pytest.approx(2 * (1 << 44) / 1000)


def test_the_fraction_is_told(build: Build) -> None:
    roofline, measured = build()
    floor = roofline.floor_ns(problem(), BIG)
    assert roofline.check(problem(), timing(4 * floor)) == pytest.approx(0.25)
    assert not measured


def test_too_fast_is_a_fault_with_its_evidence(build: Build) -> None:
    roofline, measured = build()
    floor = roofline.floor_ns(problem(), BIG)
    roofline.check(problem(), timing(1.01 * MARGIN * floor))
    with pytest.raises(Fault, match="it cannot have done the work") as raised:
        roofline.check(problem(), timing(0.9 * MARGIN * floor))
    assert (raised.value.stage, raised.value.kind) == ("time", "too_fast")
    assert measured


def test_peaks_taken_on_a_busy_machine_convict_nobody(build: Build) -> None:
    roofline, measured = build(better=3.0)
    floor = roofline.floor_ns(problem(), BIG)
    assert roofline.check(problem(), timing(0.5 * floor)) < 1
    assert measured == [1]


def test_this_machine_can_be_measured(tmp_path: Path) -> None:
    lease = Lease(tmp_path / "lease")
    first = Roofline(find_toolchain("cpp"), find_jail(), tmp_path, hardware(), lease)
    assert set(first.bytes_per_ns) == set(SIZES)
    assert all(0.05 < peak < 100_000 for peak in first.bytes_per_ns.values())
    assert 0.5 < first.operations_per_ns < 1_000_000
    again = Roofline(find_toolchain("cpp"), find_jail(), tmp_path, hardware(), lease)
    assert again.describe() == first.describe()
    # Peaks only rise.
    again.operations_per_ns = 1e9
    again.measure()
    assert again.operations_per_ns == 1e9


def test_the_key_names_the_hardware() -> None:
    found = hardware()
    assert found["key"] == hardware()["key"]
    assert found["cores"] >= 1
    assert found["cpu"]
