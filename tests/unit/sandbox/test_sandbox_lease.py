"""The lease: alone or together, fair, and gone with its holder."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

from warploom.sandbox.lease import Lease

HOLD = """
import sys, time
from pathlib import Path
from warploom.sandbox.lease import Lease
with Lease(Path(sys.argv[1])).exclusive():
    print("held", flush=True)
    time.sleep(60)
"""


class Log:
    def __init__(self) -> None:
        self.inside = 0
        self.most = 0
        self.lock = threading.Lock()

    def enter(self) -> None:
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)

    def leave(self) -> None:
        with self.lock:
            self.inside -= 1


def most_inside(path: Path, how: str, threads: int = 4) -> int:
    log, meeting = Log(), threading.Barrier(threads, timeout=60)

    def work() -> None:
        lease = Lease(path)
        with lease.exclusive() if how == "exclusive" else lease.shared():
            log.enter()
            if how == "shared":
                meeting.wait()
            else:
                time.sleep(0.03)
            log.leave()

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return log.most


def test_exclusive_holders_take_turns(tmp_path: Path) -> None:
    assert most_inside(tmp_path / "lease", "exclusive") == 1


def test_shared_holders_hold_it_together(tmp_path: Path) -> None:
    assert most_inside(tmp_path / "lease", "shared") == 4


def test_a_stream_of_shared_holders_does_not_starve_the_one_who_times(tmp_path: Path) -> None:
    lease, stop = Lease(tmp_path / "lease"), threading.Event()

    def build() -> None:
        while not stop.is_set():
            with lease.shared():
                time.sleep(0.01)

    builders = [threading.Thread(target=build) for _ in range(3)]
    for builder in builders:
        builder.start()
    begin = time.monotonic()
    with lease.exclusive():
        waited = time.monotonic() - begin
    stop.set()
    for builder in builders:
        builder.join()
    assert waited < 30, "without the gate it takes minutes until all builders pause at once"


def test_one_lease_serves_many_threads_and_is_free_after_an_error(tmp_path: Path) -> None:
    lease = Lease(tmp_path / "deep" / "lease")
    try:
        with lease.exclusive():
            raise RuntimeError
    except RuntimeError:
        pass
    with lease.shared(), lease.shared():
        pass


def test_it_ends_with_a_killed_holder_of_another_process(tmp_path: Path) -> None:
    path = tmp_path / "lease"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        taken = threading.Event()

        def take() -> None:
            with Lease(path).exclusive():
                taken.set()

        waiting = threading.Thread(target=take)
        waiting.start()
        assert not taken.wait(0.1)
        holder.kill()
        assert taken.wait(60)
        waiting.join()


def test_a_device_has_one_lease_for_every_process() -> None:
    assert Lease.of_device("cpu").path == Lease.of_device("cpu").path
    assert Lease.of_device("cpu").path != Lease.of_device("gpu0").path
