"""What machine this is, as far as it matters for a timing."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from pathlib import Path
from typing import Any

_CPU = Path("/sys/devices/system/cpu/cpu0/cache")


def hardware() -> dict[str, Any]:
    """Processor, cores and caches; ``key`` names the combination."""
    found: dict[str, Any] = {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "machine": platform.machine(),
        "caches_bytes": _caches(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
    }
    stable = {name: found[name] for name in ("cpu", "cores", "machine", "caches_bytes")}
    found["key"] = hashlib.sha256(json.dumps(stable, sort_keys=True).encode()).hexdigest()[:12]
    return found


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    wanted = {"vendor_id", "cpu family", "model", "model name", "flags"}
    seen: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() in wanted:
            seen.setdefault(name.strip(), value.strip())
    flags = seen.get("flags", "").split()
    widest = next((flag for flag in ("avx512f", "avx2", "avx", "sse2") if flag in flags), "")
    family = f"family {seen.get('cpu family', '?')} model {seen.get('model', '?')}"
    return " ".join(word for word in (seen.get("model name", "unknown"), f"({family})", widest) if word)


def _caches() -> dict[str, int]:
    """Level → bytes of the data caches that the first core sees."""
    found: dict[str, int] = {}
    for index in sorted(_CPU.glob("index*")):
        try:
            kind = (index / "type").read_text().strip()
            level = (index / "level").read_text().strip()
            size = (index / "size").read_text().strip()
        except OSError:
            continue
        if kind != "Instruction" and size.endswith("K"):
            found[f"L{level}"] = int(size[:-1]) * 1024
    return found
