"""What the judge states of itself and the machine, as it stands in the record of a run: it is read, not trusted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def peaks(environment: Mapping[str, Any]) -> tuple[dict[int, float], float]:
    """Size in bytes → bytes a nanosecond, and operations a nanosecond; ({}, 0) where they are unknown."""
    stated = mapping(environment.get("roofline"))
    rates = {int(size): float(rate) for size, rate in mapping(stated.get("bytes_per_ns")).items()}
    return dict(sorted(rates.items())), float(stated.get("operations_per_ns", 0.0))


def mapping(value: object) -> Mapping[str, Any]:
    """The value where it is a mapping; else an empty one."""
    return value if isinstance(value, Mapping) else {}


def size_words(size_bytes: int) -> str:
    """``4 KiB``: a size as prompts write it."""
    for unit, factor in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size_bytes >= factor:
            return f"{size_bytes / factor:.4g} {unit}"
    return f"{size_bytes} bytes"
