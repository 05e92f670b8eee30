"""What a passed evaluation was made from, hash by hash, and by which judge."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import warploom
from warploom.problems.importers.openevolve import Folder
from warploom.values.candidate import Candidate
from warploom.values.outcome import Build, Mint
from warploom.values.problem import Problem

JUDGING: tuple[str, ...] = ("values", "toolchain", "sandbox", "judge")
"""Packages whose code decides what an evaluation says."""


def mint(candidate: Candidate, build: Build, problem: Problem | Folder, baselines: Mapping[str, Any]) -> Mint:
    """The mint of an evaluation that was just made.

    Args:
        candidate: that was judged.
        build: whose artifact was hashed again when it was loaded, see :mod:`warploom.judge.seal`.
        problem: that it was judged by, or the folder whose evaluator scored it.
        baselines: what was timed beside it, and the settings: JSON values.
    """
    return Mint(candidate.id, build.sha256, problem.hash, digest(baselines), judge_version())


def digest(settings: Mapping[str, Any]) -> str:
    """Sixteen hex digits that stand for settings, given as JSON values."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


@functools.cache
def judge_version() -> str:
    """Version and hash of the code that judges: "0.1.0+5f2c19ab44e0"."""
    root = Path(warploom.__file__).parent
    found = hashlib.sha256()
    for path in sorted(path for package in JUDGING for path in (root / package).rglob("*.py")):
        data = path.read_bytes()
        found.update(f"{path.relative_to(root)} {len(data)}\n".encode())
        found.update(data)
    return f"{warploom.__version__}+{found.hexdigest()[:12]}"
