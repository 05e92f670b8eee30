"""The self-test of the judge of this machine: the real one, with real kernels."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from warploom.judge.evaluate import LocalJudge
from warploom.judge.machine import yardstick
from warploom.judge.selftest.relations import Relation, Relations
from warploom.judge.selftest.tampering import Tampering
from warploom.problems.load import load_problem
from warploom.sandbox.jail import find_jail
from warploom.sandbox.lease import Lease
from warploom.toolchain.find import find_toolchain


def self_test(
    cache: Path, say: Callable[[str], None] = lambda line: None, lease: Lease | None = None
) -> Iterator[Relation]:
    """Everything that must hold of a measurement here, and everything that must be refused.

    Args:
        cache: as :class:`warploom.judge.evaluate.LocalJudge` wants it.
        say: told what is being prepared, a line each.
        lease: of the device; by default the one that every process on this machine shares.

    Raises:
        ReferenceFailed: PyTorch cannot run the reference.
        ToolchainError: the compiler is absent.
    """
    problem = load_problem(yardstick.PROBLEM_FILE)
    with tempfile.TemporaryDirectory() as folder:
        yield from Tampering(find_toolchain("cpp"), find_jail(), problem, Path(folder)).run()
    with LocalJudge(problem, cache=cache, progress=say, lease=lease) as judge:
        calibration = judge.describe()["calibration"]
        yield from Relations(judge, problem, calibration["noise_floor"], calibration["round_trip_ns"]).run()
