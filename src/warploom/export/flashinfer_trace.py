"""A measurement as an evaluation of FlashInfer-Bench: in its words where they mean the same, in our own beside them."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from warploom.export.gather import Row, Variant, shape_of

BASELINE = "eager"


def evaluation(variant: Variant, row: Row) -> dict[str, Any]:
    """The evaluation of one timed shape.

    The largest relative error of FlashInfer-Bench was not measured and is NaN; what the judge allows is in ``extra``.

    Args:
        variant: the kernel.
        row: the shape, and how much faster it was.
    """
    document = variant.evidence.document
    timings = [
        one
        for one in variant.evidence.timings
        if one.baseline == BASELINE and shape_of(variant.problem, one.workload) == row.workload
    ]
    own = [sample for one in timings for sample in one.samples_ns]
    reference = [sample for one in timings for sample in one.reference_samples_ns]
    checks = document["checks"]
    latency_ms, reference_ms = statistics.median(own) / 1e6, statistics.median(reference) / 1e6
    written = datetime.fromtimestamp(variant.evidence.path.stat().st_mtime, UTC)
    return {
        "status": "PASSED",
        "environment": {"hardware": str(document["claim"].get("hardware") or "cpu"), "libs": _libraries(document)},
        "timestamp": written.isoformat(),
        "log": f"{row.speedups[BASELINE]} the speed of PyTorch {BASELINE}, in {len(own)} randomly ordered pairs"
        if BASELINE in row.speedups
        else "",
        "correctness": {
            "max_relative_error": "NaN",
            "max_absolute_error": max(float(one["max_abs_error"]) for one in checks),
            "extra": {
                "checks": len(checks),
                "largest_error_as_share_of_what_is_allowed": max(float(one["max_rel_error"]) for one in checks),
            },
        },
        "performance": {
            "latency_ms": latency_ms,
            "reference_latency_ms": reference_ms,
            "speedup_factor": reference_ms / latency_ms,
        },
    }


def _libraries(document: Mapping[str, Any]) -> dict[str, str]:
    claim = document["claim"]
    found = {"torch": claim.get("torch"), "toolchain": claim.get("toolchain"), "warploom": document.get("warploom")}
    return {name: str(value) for name, value in found.items() if value}
