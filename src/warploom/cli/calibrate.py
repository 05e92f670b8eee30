"""``warploom calibrate``: what this machine can do, and whether it can be measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from warploom.cli.console import Json, aside, out, print_json
from warploom.errors import ConfigError
from warploom.judge.machine.calibration import FILE
from warploom.judge.machine.calibrator import Calibrator
from warploom.judge.machine.hardware import hardware
from warploom.judge.selftest.run import self_test
from warploom.judge.timing.sampling import AGAINST_ITSELF
from warploom.problems.load import cache_directory
from warploom.report.calibration import (
    calibration_object,
    relation_line,
    render_calibration,
    self_test_object,
    verdict_line,
)
from warploom.sandbox.jail import find_jail
from warploom.sandbox.lease import Lease
from warploom.toolchain.find import find_toolchain

COMPARISONS = 12
WATCH_SECONDS = 1.0

Say = Callable[[str], None]
"""Told in a line what is being done."""


def calibrate(
    self_test_too: Annotated[
        bool,
        typer.Option("--self-test", help="Test the measurement itself instead, with kernels whose slowness is known."),
    ] = False,
    comparisons: Annotated[
        int, typer.Option(help="How often a kernel is compared with itself for the noise floor.")
    ] = COMPARISONS,
    json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Do not tell what is being done.")] = False,
) -> int:
    """Measure bandwidth, operations, clock, round trip and noise floor of this machine, and keep them for the judge.

    With --self-test: exit code 0 when every relation holds, 1 when one does not.
    """
    if comparisons < 1:
        raise ConfigError(f"--comparisons {comparisons}: at least 1 is needed")
    console = aside()

    def say(line: str) -> None:
        if not quiet:
            console.print(line, style="dim", markup=False)

    return _self_test(json, say) if self_test_too else _calibrate(comparisons, json, say)


def _calibrate(comparisons: int, json: bool, say: Say) -> int:
    machine, cache = hardware(), cache_directory()
    calibrator = Calibrator(find_toolchain("cpp"), find_jail(), cache, machine, Lease.of_device())
    taken = calibrator.take(comparisons, AGAINST_ITSELF, WATCH_SECONDS, say)
    file = str(cache / FILE)
    if json:
        print_json(calibration_object(taken, machine, file))
    else:
        out().print(render_calibration(taken, machine))
        out().print(f"\nkept in {file}", style="dim", markup=False, soft_wrap=True)
    return 0


def _self_test(json: bool, say: Say) -> int:
    found = []
    for relation in self_test(cache_directory(), say):
        found.append(relation)
        if json:
            say(relation.name)
        if not json:
            out().print(relation_line(relation))
    if json:
        print_json(self_test_object(found))
    else:
        out().print(verdict_line(found))
    return 0 if all(relation.holds for relation in found) else 1
