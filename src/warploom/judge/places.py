"""The place where candidates of a language run."""

from __future__ import annotations

from pathlib import Path

from warploom.errors import ConfigError
from warploom.judge.gpu.place import Gpu
from warploom.judge.place import Place
from warploom.judge.processor import Processor
from warploom.sandbox.gpu_device import GpuDevice, find_devices
from warploom.sandbox.lease import Lease
from warploom.sandbox.limits import Limits
from warploom.values.problem import Problem
from warploom.values.target import VENDORS


def find_place(
    language: str,
    problem: Problem,
    cache: Path,
    limits: Limits,
    lease: Lease | None = None,
    device: GpuDevice | None = None,
) -> Place:
    """Where candidates of this language run on this machine.

    Args:
        language: of the candidates.
        problem: that they solve.
        cache: directory of builds and calibrations.
        limits: what a candidate's process may use up.
        lease: of the place; by default its own, the same for every process of this machine.
        device: which GPU, where they run on one; by default the first.

    Raises:
        ConfigError: they run on a GPU, and none that can run them is here.
        ToolchainError: the language is unknown.
    """
    if language not in VENDORS:
        return Processor(problem, language, cache, limits, lease)
    return Gpu(problem, language, device or require_device(language), cache, limits, lease)


def require_device(language: str) -> GpuDevice:
    """The first GPU of this machine that runs kernels of this language.

    Raises:
        ConfigError: there is none.
    """
    return alike(language)[0]


def alike(language: str) -> tuple[GpuDevice, ...]:
    """The first GPU of this machine that runs kernels of this language, and every other of its kind.

    Raises:
        ConfigError: there is none.
    """
    found = find_devices()
    able = [one for one in found if one.architecture is not None and one.architecture.vendor in VENDORS[language]]
    if able:
        return tuple(one for one in able if (one.name, one.capability) == (able[0].name, able[0].capability))
    there = f"what is here cannot run it ({', '.join(one.name for one in found)})" if found else "there is none here"
    raise ConfigError(f"{language} runs on a GPU, and {there}; `warploom build` compiles it without one")
