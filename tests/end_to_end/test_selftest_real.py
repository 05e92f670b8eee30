"""The self-test on this machine: the real judge, real kernels, real PyTorch."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from warploom.judge.relations import Relation, Relations
from warploom.judge.selftest import self_test
from warploom.sandbox.lease import Lease

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
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Relation]:
    """What the self-test says, of its times only the plainest: the others need a machine of their own."""

    def some(relations: Relations) -> Iterator[Relation]:
        yield from relations.slowdowns([1.0])
        yield from relations.broken()
        yield from relations.other_problem()

    folder, said = tmp_path_factory.mktemp("selftest"), list[str]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Relations, "run", some)
        relations = {one.name: one for one in self_test(folder, said.append, Lease(folder / "lease"))}
    assert said[0].startswith("calibrating this machine")
    return relations


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_must_be_refused_is_refused(found: dict[str, Relation], name: str) -> None:
    assert found[name].holds, found[name].detail


def test_twice_the_time_is_seen_as_slower(found: dict[str, Relation]) -> None:
    """How much slower, and how sure, is the self-test's business on a quiet machine; here others may work."""
    figures = found["a slowdown of 100% is recovered"].figures
    assert figures["wanted"] == 0.5
    assert 0.2 < figures["median"] < 0.9
    assert set(found) == REFUSED | {"a slowdown of 100% is recovered"}
