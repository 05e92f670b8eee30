"""Artifacts swapped behind the judge's back: none is loaded as what it is not."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from warploom.judge import stages
from warploom.judge.fault import Fault
from warploom.judge.machine import yardstick
from warploom.judge.selftest.relations import SLOWDOWNS, Relation
from warploom.sandbox.jail import Jail
from warploom.sandbox.limits import Limits
from warploom.toolchain.protocol import Toolchain
from warploom.values.candidate import Candidate
from warploom.values.outcome import Build, Failed
from warploom.values.problem import Problem
from warploom.values.signature import signature


class Tampering:
    """Swaps artifacts in a build cache of its own.

    Args:
        toolchain: builds the yardstick.
        jail: artifacts are loaded in.
        problem: the yardstick.
        cache: an empty directory.
    """

    def __init__(self, toolchain: Toolchain, jail: Jail, problem: Problem, cache: Path) -> None:
        self._toolchain, self._jail, self._problem, self._cache = toolchain, jail, problem, cache
        self._plain, self._slow = yardstick.kernel(problem), yardstick.kernel(problem, SLOWDOWNS[-1])

    def run(self) -> Iterator[Relation]:
        """Every swap, one after another."""
        plain, slow = self._build(self._plain), self._build(self._slow)
        if isinstance(plain, Failed) or isinstance(slow, Failed):
            yield Relation(
                "the yardstick builds", False, next(b.message for b in (plain, slow) if isinstance(b, Failed))
            )
            return
        yield self._loaded("an artifact is loaded as what was built", plain, refused=False)
        _overwrite(slow, plain)
        yield self._loaded("an artifact swapped after its build is refused", plain, refused=True)
        yield self._loaded("an artifact whose hash is unknown is refused", replace(plain, sha256=""), refused=True)
        yield self._built_again("an artifact swapped in the cache is built again", plain)
        shutil.rmtree(Path(plain.artifact).parent)
        shutil.copytree(Path(slow.artifact).parent, Path(plain.artifact).parent)
        yield self._built_again("another kernel's build in its place is built again", plain)

    def _build(self, candidate: Candidate) -> Build | Failed:
        return self._toolchain.build(candidate, signature(self._problem), self._cache)

    def _loaded(self, name: str, build: Build, refused: bool) -> Relation:
        """Whether the judge starts a process with this artifact."""
        try:
            stages.start(build, self._plain, self._jail, Limits()).close()
        except Fault as fault:
            return Relation(name, refused, fault.message)
        return Relation(name, not refused, f"sha256 {build.sha256[:12]} was loaded")

    def _built_again(self, name: str, before: Build) -> Relation:
        """Whether a build gives the artifact of its own source, whatever lies in the cache."""
        again = self._build(self._plain)
        if isinstance(again, Failed):
            return Relation(name, False, again.message)
        same = again.sha256 == before.sha256
        return Relation(name, same, f"sha256 {again.sha256[:12]}, {before.sha256[:12]} wanted")


def _overwrite(source: Build, target: Build) -> None:
    """Put the bytes of one artifact where another lies."""
    path = Path(target.artifact)
    path.chmod(0o755)
    path.write_bytes(Path(source.artifact).read_bytes())
