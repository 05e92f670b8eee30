"""What beats the machine is a fault, once the machine was measured again."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from warploom.judge.fault import Fault
from warploom.judge.machine.calibration import Calibration, Peaks
from warploom.judge.machine.calibrator import Calibrator
from warploom.judge.machine.hardware import hardware
from warploom.judge.machine.probe import SIZES
from warploom.judge.roofline import ATTEMPTS, MARGIN, Roofline
from warploom.values.outcome import Timing
from warploom.values.problem import Problem, Reference, Tensor, Workload

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


def moved_bytes(workload: Workload) -> int:
    return 8 * workload.extents["n"]


def timing(ns: float, workload: Workload = BIG, eager_ns: float = 1e9) -> Timing:
    return Timing(workload, "eager", (ns, ns, ns), (eager_ns,) * 3)


class Machine:
    """A calibrator whose peaks are known: 10 bytes a nanosecond from memory, 100 from caches, 1000 operations."""

    def __init__(self, better: float = 1.0) -> None:
        self.measured = 0
        self._better = better
        peaks = Peaks({size: 100.0 if size < 1 << 24 else 10.0 for size in SIZES}, 1000.0)
        self.calibration = Calibration("test", "g++ 1", 1.0, None, peaks, 1.0, 50.0, 30_000.0, ((0.0, 0.0),))

    def current(self) -> Calibration:
        return self.calibration

    def raise_peaks(self) -> None:
        self.measured += 1
        peaks = self.calibration.peaks
        higher = {size: peak * self._better for size, peak in peaks.bytes_per_ns.items()}
        self.calibration = replace(self.calibration, peaks=Peaks(higher, peaks.operations_per_ns))


def make(machine: Machine) -> Roofline:
    return Roofline(cast(Calibrator, machine))


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_the_floor_comes_from_the_calibration(machine: Machine) -> None:
    roofline = make(machine)
    assert roofline.floor_ns(problem(), BIG, moved_bytes(BIG)) == pytest.approx((1 << 25) / 10)
    assert roofline.describe()["operations_per_ns"] == 1000.0
    assert not machine.measured


def test_small_data_may_be_as_fast_as_the_caches(machine: Machine) -> None:
    assert make(machine).floor_ns(problem(), Workload(n=1 << 12), moved_bytes(Workload(n=1 << 12))) == pytest.approx(
        (1 << 15) / 100
    )
    assert make(machine).floor_ns(problem(), Workload(n=1), moved_bytes(Workload(n=1))) == pytest.approx(8 / 100)


def test_a_block_of_small_calls_comes_from_memory(machine: Machine) -> None:
    """Each call has data of its own: together they are more than the caches hold."""
    small = Workload(n=1 << 20)
    roofline, moved = make(machine), 1 << 23
    assert roofline.floor_ns(problem(), small, moved_bytes(small)) == pytest.approx(moved / 100)
    assert roofline.floor_ns(problem(), small, moved_bytes(small), 16) == pytest.approx(moved / 10)
    idle = Timing(small, "eager", (2 * moved / 100,) * 3, (1e9,) * 3, calls=(16, 16))
    with pytest.raises(Fault, match="it cannot have done the work"):
        roofline.check(problem(), idle, moved_bytes(small))
    assert roofline.check(problem(), replace(idle, samples_ns=(moved / 10 + 2_000,) * 3), moved_bytes(small)) < 1
    assert roofline.check(problem(), replace(idle, calls=(1, 1)), moved_bytes(small)) == pytest.approx(0.5)


def test_operations_count_where_they_are_known(machine: Machine) -> None:
    assert make(machine).floor_ns(problem("2*n*n"), BIG, moved_bytes(BIG)) == pytest.approx(2 * (1 << 44) / 1000)


def test_the_fraction_is_told(machine: Machine) -> None:
    roofline = make(machine)
    floor = roofline.floor_ns(problem(), BIG, moved_bytes(BIG))
    assert roofline.check(problem(), timing(4 * floor), moved_bytes(BIG)) == pytest.approx(0.25)
    assert not machine.measured


def test_too_fast_is_a_fault_with_its_evidence(machine: Machine) -> None:
    roofline = make(machine)
    floor = roofline.floor_ns(problem(), BIG, moved_bytes(BIG))
    roofline.check(problem(), timing(1.02 * MARGIN * floor), moved_bytes(BIG))
    with pytest.raises(Fault, match="it cannot have done the work") as raised:
        roofline.check(problem(), timing(0.9 * MARGIN * floor), moved_bytes(BIG))
    assert (raised.value.stage, raised.value.kind) == ("time", "too_fast")
    assert machine.measured


def test_the_fraction_is_of_what_must_be_moved(machine: Machine) -> None:
    """A lookup reads a few rows of its table: for those it needs a small part of the time."""
    roofline = make(machine)
    whole, few = moved_bytes(BIG), moved_bytes(BIG) // 1000
    quick = timing(2 * few / 10)
    with pytest.raises(Fault, match=f"to move {whole} bytes.* say with traffic="):
        roofline.check(problem(), quick, whole)
    assert roofline.check(problem(), quick, few) < 1


def test_where_pytorch_is_faster_than_the_floor_the_floor_is_wrong(machine: Machine) -> None:
    roofline = make(machine)
    floor = roofline.floor_ns(problem(), BIG, moved_bytes(BIG))
    quick = 0.1 * floor
    assert roofline.check(problem(), timing(quick, eager_ns=0.5 * floor), moved_bytes(BIG)) == 1.0
    with pytest.raises(Fault, match="it cannot have done the work"):
        roofline.check(problem(), timing(quick, eager_ns=floor), moved_bytes(BIG))


def test_the_peaks_are_measured_a_few_times_before_a_kernel_is_too_fast() -> None:
    for better, times in ((1.0, ATTEMPTS), (1.3, ATTEMPTS), (2.0, 1)):
        machine = Machine(better)
        roofline = make(machine)
        floor = roofline.floor_ns(problem(), BIG, moved_bytes(BIG))
        found = timing(MARGIN * floor / 1.3**2.5)
        if better == 1.0:
            with pytest.raises(Fault):
                roofline.check(problem(), found, moved_bytes(BIG))
        else:
            roofline.check(problem(), found, moved_bytes(BIG))
        assert machine.measured == times


def test_the_round_trip_is_no_work(machine: Machine) -> None:
    """A call that does half its work takes its share of the round trip as well; that must not hide it."""
    roofline, small = make(machine), Workload(n=1 << 15)
    floor, share = roofline.floor_ns(problem(), small, moved_bytes(small)), machine.calibration.round_trip_ns / 32
    half = Timing(small, "eager", (0.5 * floor + share,), (1e9,), calls=(16, 16))
    assert half.samples_ns[0] > MARGIN * floor
    with pytest.raises(Fault, match="it cannot have done the work"):
        roofline.check(problem(), half, moved_bytes(small))
    assert roofline.check(problem(), replace(half, samples_ns=(floor + share,)), moved_bytes(small)) < 1


def test_a_busy_machine_hides_nothing(machine: Machine) -> None:
    """All samples but one waited for others; that one still shows that no work was done."""
    roofline = make(machine)
    floor = roofline.floor_ns(problem(), BIG, moved_bytes(BIG))
    with pytest.raises(Fault, match="it cannot have done the work"):
        roofline.check(
            problem(), Timing(BIG, "eager", (0.1 * floor, *(9 * floor,) * 4), (floor,) * 5), moved_bytes(BIG)
        )


def test_peaks_taken_on_a_busy_machine_convict_nobody() -> None:
    machine = Machine(better=3.0)
    roofline = make(machine)
    floor = roofline.floor_ns(problem(), BIG, moved_bytes(BIG))
    assert roofline.check(problem(), timing(0.5 * floor), moved_bytes(BIG)) < 1
    assert machine.measured == 1


def test_the_key_names_the_hardware() -> None:
    found = hardware()
    assert found["key"] == hardware()["key"]
    assert found["cores"] >= 1
    assert found["cpu"]
