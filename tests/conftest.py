"""What all tests share: a cache of their own, a calibration of this machine, and how workers divide them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from warploom.judge.machine.calibration import keep, recall
from warploom.judge.machine.calibrator import Calibrator
from warploom.judge.machine.hardware import hardware
from warploom.problems.load import cache_directory
from warploom.sandbox.jail import find_jail
from warploom.sandbox.lease import Lease
from warploom.testing.brief import brief_promotions, eager_alone
from warploom.toolchain.find import find_toolchain

# Threads that spin while they wait take the cores from the other worker, and cost forty times the work.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
# torch.compile compiles three probes for each new cache, and loads them in a process for each old one, to learn which
# instructions the compiler knows. What it makes of a reference is the same, ten seconds earlier.
os.environ.setdefault("TORCHINDUCTOR_VEC_ISA_OK", "1")

HERE = Path(__file__).parent
LONG = ("adversarial", "end_to_end", "fuzz")
"""Folders of tests that take long. They go first, so that no worker is left alone with one at the end."""


@pytest.fixture(scope="session", autouse=True)
def session_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Warploom's cache: empty at first, and the same for all workers, so that nothing is built or described twice."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(shared / "cache"))
        yield cache_directory()


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """For PyTorch in this process: each worker has a core."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


@pytest.fixture(scope="session")
def judge_cache(session_cache: Path) -> Path:
    """The cache, with a calibration that holds.

    One that is taken while other tests run is taken on a busy machine, and every judge would take it again.
    """
    toolchain, machine = find_toolchain("cpp"), hardware()
    with Lease(session_cache / "calibrating").exclusive():
        kept, reason = recall(session_cache, machine["key"], toolchain.version())
        if kept is None or reason:
            calibrator = Calibrator(toolchain, find_jail(), session_cache, machine, Lease(session_cache / "device"))
            keep(session_cache, replace(calibrator.take(), busy=None))
    return session_cache


@pytest.fixture(scope="module")
def brief() -> Iterator[None]:
    """Promotions of this module take no longer than they must."""
    with brief_promotions():
        yield


@pytest.fixture(scope="module")
def eager_only() -> Iterator[None]:
    """Judges of this module have eager PyTorch as their only baseline."""
    with eager_alone():
        yield


class Modules(LoadScopeScheduling):  # type: ignore[misc]  # its types are not published
    """Gives a worker whole modules, in the order of collection: what a module shares is made once.

    The zoo is one piece: its modules share judges.
    """

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        return "the zoo" if Path(module).parent.name == "adversarial" else module


@pytest.hookimpl(tryfirst=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling | None:
    return Modules(config, log) if config.getoption("dist") == "load" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long modules first; whole modules still, in their own order."""
    torch = {item.path for item in items if item.get_closest_marker("torch")}
    items.sort(key=lambda item: (not _in_long_folder(item.path), item.path not in torch))


def _in_long_folder(path: Path) -> bool:
    return path.is_relative_to(HERE) and path.relative_to(HERE).parts[0] in LONG
