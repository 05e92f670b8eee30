"""NVIDIA's ``compute-sanitizer`` over the checked calls of a kernel that is to be promoted, where it is installed."""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from warploom.judge.fault import Fault
from warploom.sandbox.autopsy import WorkerFailed
from warploom.sandbox.gpu_process import GpuProcess
from warploom.sandbox.runner import Runner

PROGRAM = "compute-sanitizer"
TOOL = "memcheck"

_FINDING = re.compile(r"^=+ ((?:Invalid|Misaligned|Uninitialized|Out-of-range|Race).*)$", re.MULTILINE)


def sanitize(start: Callable[[Sequence[str]], GpuProcess], check: Callable[[Runner], object]) -> dict[str, str]:
    """Make the checked calls once more under the sanitizer: an access out of bounds need not change a result.

    Args:
        start: a process that runs under a program of these words.
        check: makes the calls.

    Returns:
        What it said, under "sanitizer"; nothing where it is not installed.

    Raises:
        Fault: it found an error.
    """
    program = shutil.which(PROGRAM)
    if program is None:
        return {}
    with tempfile.TemporaryDirectory(prefix="warploom-") as folder:
        log = Path(folder) / "log"
        # What the driver refuses is no fault of the kernel's; whoever asked it hears of it.
        words = [program, "--tool", TOOL, "--target-processes", "all", "--report-api-errors", "no"]
        words += ["--log-file", str(log)]
        refused = ""
        try:
            with start(words) as process:
                check(process)
        except (Fault, WorkerFailed) as error:
            refused = error.message  # the kernel passed these very calls without the sanitizer
        said = ""
        with contextlib.suppress(OSError):
            said = log.read_text(errors="replace")
    finding = _FINDING.search(said)
    if finding:
        raise Fault("verify", "out_of_bounds", f"{PROGRAM}: {finding[1].strip()}", said[-4000:])
    if refused:
        return {"sanitizer": f"{TOOL} could not run: {refused[:200]}"}
    return {"sanitizer": f"{TOOL}: no error"}
