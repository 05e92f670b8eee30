"""What this machine can do and how well it can be measured: taken once, kept, and distrusted when it is stale."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from statistics import median
from typing import Any

from warploom.judge.machine.busy import BUSY_SHARE

FORMAT = 1
FILE = "calibration.json"
MOST_AGE_DAYS = 30
MOST_DRIFT = 1.25
"""A peak that was exceeded by more than this says that the machine is not what it was."""

SMALLEST_FLOOR = 0.01
"""No difference of log speedups below one per cent means anything, however quiet the machine."""

NORMAL = 1.96
"""Quantile of the normal distribution for 95 %."""

FROM_MEDIAN = 1 / 0.6745
"""From the median of absolute deviations to the standard deviation, were they normal."""


@dataclass(frozen=True)
class Peaks:
    """The most this machine has been seen to do.

    Attributes:
        bytes_per_ns: size of the data in bytes → bytes read a nanosecond, by all cores together.
        operations_per_ns: float32 operations a nanosecond, a multiply-add counting two.
    """

    bytes_per_ns: Mapping[int, float]
    operations_per_ns: float

    def above(self, other: Peaks) -> Peaks:
        """The higher of both, size by size: a peak taken on a busy machine is too low, never too high."""
        sizes = {**other.bytes_per_ns, **self.bytes_per_ns}
        return Peaks(
            {size: max(self.bytes_per_ns.get(size, 0.0), other.bytes_per_ns.get(size, 0.0)) for size in sorted(sizes)},
            max(self.operations_per_ns, other.operations_per_ns),
        )

    def drift(self, other: Peaks) -> float:
        """The largest factor by which this exceeds the other."""
        factors = [peak / other.bytes_per_ns[size] for size, peak in self.bytes_per_ns.items()]
        return max(*factors, self.operations_per_ns / other.operations_per_ns)


@dataclass(frozen=True)
class Calibration:
    """One calibration.

    Attributes:
        hardware: key of the machine, see :func:`warploom.judge.machine.hardware.hardware`.
        toolchain: compiler and version.
        taken_s: seconds since 1970.
        busy: share of the machine that was at work for others meanwhile; None where it cannot be known.
        peaks: bandwidth and operations.
        timer_resolution_ns: smallest step of the judge's clock.
        timer_overhead_ns: what one reading of it takes.
        round_trip_ns: the quickest empty call, from waking the worker to its answer; part of every timed block.
        itself: log speedup of a kernel over itself and half the width of its interval, for each comparison of two fresh
            processes, as a challenger meets the best so far.
        drift: the largest factor by which a later measurement exceeded a peak; those are in ``peaks`` by now.
    """

    hardware: str
    toolchain: str
    taken_s: float
    busy: float | None
    peaks: Peaks
    timer_resolution_ns: float
    timer_overhead_ns: float
    round_trip_ns: float
    itself: tuple[tuple[float, float], ...]
    drift: float = 1.0

    @property
    def noise_floor(self) -> float:
        """Smallest log speedup that means anything, see :func:`noise_floor`."""
        return noise_floor(self.itself)

    @property
    def id(self) -> str:
        """Twelve hex digits of everything that was measured; evaluations carry it."""
        return hashlib.sha256(json.dumps(self.to_plain(), sort_keys=True).encode()).hexdigest()[:12]

    def describe(self) -> dict[str, Any]:
        """What evidence says of it; the peaks stand with the roofline."""
        plain = self.to_plain()
        del plain["peaks"]
        return {"id": self.id, **plain, "noise_floor": self.noise_floor}

    def to_plain(self) -> dict[str, Any]:
        """As JSON values."""
        plain = asdict(self)
        plain["peaks"]["bytes_per_ns"] = {str(size): peak for size, peak in self.peaks.bytes_per_ns.items()}
        return {**plain, "itself": [list(one) for one in self.itself]}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Calibration:
        """The inverse of :meth:`to_plain`.

        Raises:
            ValueError: a figure is missing or none that can be measured.
        """
        try:
            bandwidth = {int(size): float(peak) for size, peak in plain["peaks"]["bytes_per_ns"].items()}
            peaks = Peaks(bandwidth, float(plain["peaks"]["operations_per_ns"]))
            itself = tuple((float(off), float(half_width)) for off, half_width in plain["itself"])
            made = cls(**{**plain, "peaks": peaks, "itself": itself})
            positive = [*bandwidth.values(), peaks.operations_per_ns, made.round_trip_ns, made.taken_s, made.drift]
            figures = [*positive, *chain(*itself), made.timer_resolution_ns, made.timer_overhead_ns, made.busy or 0.0]
            sound = all(math.isfinite(figure) for figure in figures) and min(positive) > 0
        except (LookupError, TypeError, AttributeError) as error:
            raise ValueError(f"not a calibration: {error}") from error
        if not (sound and bandwidth and itself and isinstance(made.hardware, str) and isinstance(made.toolchain, str)):
            raise ValueError("not a calibration: a figure is none that can be measured")
        return made


def noise_floor(itself: Sequence[tuple[float, float]]) -> float:
    """The noise that no interval shows, from comparisons of a kernel with itself; at least :data:`SMALLEST_FLOOR`.

    Two processes of one kernel differ by where their memory lies, and every pair of their samples differs alike: the
    interval of a comparison knows nothing of it. So this is the spread between comparisons less what their intervals
    explain (random effects: DerSimonian and Laird 1986), times 1.96. From medians, so that one comparison which
    something disturbed does not set the floor for a month.

    Args:
        itself: log speedup and half the width of its interval, of each comparison.
    """
    between = FROM_MEDIAN * median(abs(off) for off, _ in itself)
    within = median(half_width for _, half_width in itself) / NORMAL
    return max(SMALLEST_FLOOR, NORMAL * math.sqrt(max(0.0, between**2 - within**2)))


def stale(calibration: Calibration, now_s: float | None = None) -> str:
    """Why a calibration of this machine should be taken again; "" when it can be used."""
    age_s = (time.time() if now_s is None else now_s) - calibration.taken_s
    if age_s < -3600:
        return "its date lies in the future"
    if age_s > MOST_AGE_DAYS * 86400:
        return f"it is {age_s / 86400:.0f} days old"
    if calibration.drift > MOST_DRIFT:
        return f"this machine was {calibration.drift:.2f} times as fast later"
    if (calibration.busy or 0.0) > BUSY_SHARE:
        return f"the machine was {calibration.busy:.0%} busy with other work when it was taken"
    return ""


def recall(cache: Path, hardware: str, toolchain: str, now_s: float | None = None) -> tuple[Calibration | None, str]:
    """The calibration kept for this machine and toolchain.

    Returns:
        The calibration, None where there is none; and why it should be taken again, "" when it can be used.
    """
    try:
        kept = json.loads((cache / FILE).read_bytes())
        entries, own_format = kept["calibrations"], kept["format"]
    except FileNotFoundError:
        return None, "there is none yet"
    except (OSError, ValueError, LookupError, TypeError):
        return None, f"{cache / FILE} cannot be read"
    if own_format != FORMAT:
        return None, f"it was kept in format {own_format}, this version of Warploom keeps {FORMAT}"
    try:
        found = Calibration.from_plain(entries[_place(hardware, toolchain)])
    except (KeyError, TypeError):
        return None, _elsewhere(entries, hardware)
    except ValueError:
        return None, f"what {cache / FILE} holds for this machine is damaged"
    if (found.hardware, found.toolchain) != (hardware, toolchain):
        return None, f"what {cache / FILE} holds for this machine was taken on another"
    return found, stale(found, now_s)


def keep(cache: Path, calibration: Calibration) -> None:
    """Put a calibration into the cache, written in one step, beside those of other machines.

    A cache that cannot be written remembers nothing, which is no fault.
    """
    others: dict[str, Any] = {}
    with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
        kept = json.loads((cache / FILE).read_bytes())
        others = dict(kept["calibrations"]) if kept["format"] == FORMAT else {}
    others[_place(calibration.hardware, calibration.toolchain)] = calibration.to_plain()
    with contextlib.suppress(OSError):
        cache.mkdir(parents=True, exist_ok=True)
        whole = cache / f".{FILE}.{os.getpid()}"
        whole.write_text(json.dumps({"format": FORMAT, "calibrations": others}, indent=1) + "\n")
        whole.replace(cache / FILE)


def _place(hardware: str, toolchain: str) -> str:
    return f"{hardware} {toolchain}"


def _elsewhere(entries: Any, hardware: str) -> str:
    """Why there is none for this machine and toolchain although there are others."""
    names = [str(name).partition(" ") for name in entries] if isinstance(entries, Mapping) else []
    known = [toolchain for key, _, toolchain in names if key == hardware]
    if known:
        return f"it was taken with {', '.join(known)}"
    return "it was taken on other hardware" if names else "there is none yet"
