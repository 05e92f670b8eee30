"""Takes calibrations of this machine, and keeps the one that holds."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from warploom.judge.machine import against_itself
from warploom.judge.machine.busy import busy_share
from warploom.judge.machine.calibration import Calibration, keep, recall
from warploom.judge.machine.probe import probe, probe_clock
from warploom.judge.timing.sampling import BRIEFLY, Plan
from warploom.sandbox.jail import Jail
from warploom.sandbox.lease import Lease
from warploom.toolchain.protocol import Toolchain

COMPARISONS = 3
"""Of a kernel with itself, when a run takes a calibration because there is none that holds: seconds count then."""

WATCH_SECONDS = 0.2


class Calibrator:
    """The calibration of this machine and toolchain.

    Args:
        toolchain: builds the probes.
        jail: they run in.
        cache: directory of builds, and of what was measured.
        hardware: as :func:`warploom.judge.machine.hardware.hardware` gives it.
        lease: of the device.
    """

    def __init__(
        self, toolchain: Toolchain, jail: Jail, cache: Path, hardware: Mapping[str, Any], lease: Lease
    ) -> None:
        self._toolchain, self._jail, self._cache, self._lease = toolchain, jail, cache, lease
        self._hardware = str(hardware["key"])
        self._held: Calibration | None = None

    def current(self, say: Callable[[str], None] = lambda line: None) -> Calibration:
        """The one that holds; where there is none, it is taken now.

        Args:
            say: told why it is taken.

        Raises:
            ToolchainError: the compiler is absent, or the probes do not build or run.
        """
        if self._held is None:
            kept, reason = self.recall()
            if kept is None or reason:
                say(f"calibrating this machine: {reason}")
                return self.take()
            self._held = kept
        return self._held

    def recall(self) -> tuple[Calibration | None, str]:
        """What is kept, and why it should be taken again; see :func:`warploom.judge.machine.calibration.recall`."""
        return recall(self._cache, self._hardware, self._toolchain.version())

    def take(
        self,
        comparisons: int = COMPARISONS,
        plan: Plan = BRIEFLY,
        watch_seconds: float = WATCH_SECONDS,
        say: Callable[[str], None] = lambda line: None,
    ) -> Calibration:
        """Measure everything anew and keep it; peaks that were kept for this machine and toolchain only rise.

        Args:
            comparisons: of a kernel with itself.
            plan: how many pairs each.
            watch_seconds: how long to watch what else the machine does, before and after.
            say: told what is measured, a line each.

        Raises:
            ToolchainError: the compiler is absent, or the probes do not build or run.
        """
        kept, _ = self.recall()
        say("waiting for the machine, and watching what else it does")
        with self._lease.exclusive():
            watched = [busy_share(watch_seconds)]
            say("measuring bandwidth, operations and the round trip")
            probed = probe(self._toolchain, self._jail, self._cache)
            resolution_ns, overhead_ns = probe_clock()
            say(f"comparing a kernel with itself, {comparisons} {'time' if comparisons == 1 else 'times'}")
            found = against_itself.compare(self._toolchain, self._jail, self._cache, comparisons, plan)
            itself = tuple(against_itself.deviation(timings) for timings in found)
            watched.append(busy_share(watch_seconds))
        self._held = Calibration(
            hardware=self._hardware,
            toolchain=self._toolchain.version(),
            taken_s=time.time(),
            busy=max((share for share in watched if share is not None), default=None),
            peaks=probed.peaks if kept is None else probed.peaks.above(kept.peaks),
            timer_resolution_ns=resolution_ns,
            timer_overhead_ns=overhead_ns,
            round_trip_ns=probed.round_trip_ns,
            itself=itself,
        )
        keep(self._cache, self._held)
        return self._held

    def raise_peaks(self) -> None:
        """Measure the peaks once more; the higher peaks and the shorter round trip stay.

        The caller holds the device alone.
        """
        held = self.current()
        probed = probe(self._toolchain, self._jail, self._cache)
        drift = max(held.drift, probed.peaks.drift(held.peaks))
        peaks, round_trip_ns = probed.peaks.above(held.peaks), min(probed.round_trip_ns, held.round_trip_ns)
        self._held = replace(held, peaks=peaks, round_trip_ns=round_trip_ns, drift=drift)
        keep(self._cache, self._held)
