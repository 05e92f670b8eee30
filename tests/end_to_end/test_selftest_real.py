"""The self-test on this machine: the real judge, real kernels, real PyTorch."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from warploom.judge.evaluate import LocalJudge
from warploom.judge.machine import yardstick
from warploom.judge.machine.calibration import Peaks, keep, recall
from warploom.judge.machine.hardware import hardware
from warploom.judge.selftest.relations import Relation, Relations
from warploom.judge.selftest.run import self_test
from warploom.problems.load import load_problem
from warploom.sandbox.lease import Lease
from warploom.toolchain.find import find_toolchain
from warploom.values.job import Job
from warploom.values.outcome import Passed

pytestmark = pytest.mark.torch

REFUSED = {
    "an artifact is loaded as what was built",
    "an artifact swapped after its build is refused",
    "an artifact whose hash is unknown is refused",
    "an artifact swapped in the cache is built again",
    "another kernel's build in its place is built again",
    "a kernel with one wrong element fails",
    "a kernel that writes nothing fails",
    "a job for another problem is refused",
    "an evaluation of another candidate does not count",
}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("selftest")


@pytest.fixture(scope="module")
def found(cache: Path) -> dict[str, Relation]:
    """What the self-test says, of its times only the plainest: the others need a machine of their own."""

    def some(relations: Relations) -> Iterator[Relation]:
        yield from relations.slowdowns([1.0])
        yield from relations.broken()
        yield from relations.other_problem()

    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Relations, "run", some)
        relations = {one.name: one for one in self_test(cache, said.append, Lease(cache / "lease"))}
    assert said[0].startswith("calibrating this machine")
    return relations


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_must_be_refused_is_refused(found: dict[str, Relation], name: str) -> None:
    assert found[name].holds, found[name].detail


def test_twice_the_time_is_seen_as_slower(found: dict[str, Relation]) -> None:
    """How much slower, and how sure, is the self-test's business on a quiet machine; here others may work."""
    relation = found["a slowdown of 100% is recovered"]
    figures = relation.figures
    assert figures, relation.detail
    assert figures["wanted"] == 0.5
    assert 0.2 < figures["median"] < 0.9
    assert set(found) == REFUSED | {"a slowdown of 100% is recovered"}


def test_the_judge_takes_its_floor_and_its_roofline_from_the_calibration(
    found: dict[str, Relation], cache: Path
) -> None:
    """What is kept is believed: a floor far above any session's own, and peaks that no machine has."""
    kept, _ = recall(cache, hardware()["key"], find_toolchain("cpp").version())
    assert kept is not None
    peaks = Peaks(dict.fromkeys(kept.peaks.bytes_per_ns, 1000000.0), 1e9)
    altered = replace(kept, busy=0.0, itself=((9.0, 0.1),), peaks=peaks, taken_s=time.time())
    keep(cache, altered)
    problem = load_problem(yardstick.PROBLEM_FILE)
    with LocalJudge(problem, cache=cache, lease=Lease(cache / "lease")) as judge:
        assert judge.noise_floor == pytest.approx(altered.noise_floor)
        assert judge.describe()["calibration"]["id"] == altered.id
        assert judge.describe()["noise_floor_of_session"] < judge.noise_floor
        evaluation = judge.evaluate(Job(yardstick.kernel(problem), problem.hash))
        assert isinstance(evaluation, Passed)
        assert evaluation.environment["calibration"] == altered.id
        assert evaluation.environment["noise_floor"] == pytest.approx(altered.noise_floor, rel=1e-3)
        assert evaluation.environment["roofline"] < 0.01, "a share of the kept peaks"
