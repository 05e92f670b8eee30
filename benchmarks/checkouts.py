"""Other people's suites where they are checked out: their problems, each in a process of its own, and results.

Shared by the benchmarks that go through a whole suite. Results are kept by problem: those that are not run again stay,
and each says with which command and at which commit it was found.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from warploom.problems.importers.address import Address
from warploom.problems.importers.kernelbench import numbers

Row = dict[str, Any]


def add_options(parser: argparse.ArgumentParser, results: Path, levels: Sequence[int] = (1, 2)) -> None:
    """The options that say which problems, and where results go."""
    parser.add_argument("--root", default="", help="a checkout of KernelBench")
    parser.add_argument("--levels", type=int, nargs="*", default=list(levels))
    parser.add_argument("--problems", default="", help="these alone, as 1/23,2/61-100; levels follow from them")
    parser.add_argument("--gpumode", default="", help="a checkout of GPU MODE's tasks")
    parser.add_argument("--tasks", default="", help="these alone of GPU MODE's, as amd/moe,bioml/trimul")
    parser.add_argument("--out", type=Path, default=results)


def addresses(options: argparse.Namespace) -> Iterator[Address]:
    """The problems that the options ask for, in order."""
    for level, wanted in (_wanted(options) if options.root else {}).items():
        for number in numbers(Address("kernelbench", f"{level}/1", root=options.root), str(level)):
            if wanted is None or number in wanted:
                yield Address("kernelbench", f"{level}/{number}", root=options.root)
    tasks = [one for one in options.tasks.split(",") if one]
    for path in sorted(Path(options.gpumode).rglob("task.yml")) if options.gpumode else ():
        address = Address("gpumode", str(path.parent))
        if not tasks or place(address) in tasks:
            yield address


def _wanted(options: argparse.Namespace) -> dict[int, set[int] | None]:
    """Level → numbers; None for all."""
    if not options.problems:
        return dict.fromkeys(options.levels)
    found: dict[int, set[int] | None] = {}
    for one in options.problems.split(","):
        matched = re.fullmatch(r"(\d+)/(\d+)(?:-(\d+))?", one)
        if matched is None:
            raise SystemExit(f"--problems {one}: level/number or level/first-last, as in 1/23 or 2/61-100")
        numbers_ = found.setdefault(int(matched[1]), set())
        assert numbers_ is not None
        numbers_ |= set(range(int(matched[2]), int(matched[3] or matched[2]) + 1))
    return found


def place(address: Address) -> str:
    """What a problem is called in results: no path of this machine."""
    return address.place if address.format == "kernelbench" else "/".join(Path(address.place).parts[-2:])


def suite_of(name: str) -> str:
    """The suite that a row of results belongs to."""
    return name.rpartition("/")[0] if name.startswith("kernelbench") else "gpumode"


def go_through(
    options: argparse.Namespace,
    work: Callable[[Address], Row],
    summary: Callable[[Mapping[str, Row]], Any],
    said: Callable[[Row], str],
    deadline_s: int,
) -> dict[str, Any]:
    """Do something with every problem; prints a line each, and writes all results after each.

    Args:
        options: see :func:`add_options`.
        work: called in a forked process, so that PyTorch is loaded once; its answer is the row of the problem.
        summary: of all rows, by suite.
        said: a row in words.
        deadline_s: of one problem.

    Returns:
        What was written: ``suites`` and ``problems``.
    """
    how = {"command": command(options), "commit": commit()}
    for address in addresses(options):
        begin = time.monotonic()
        name = f"{address.format}:{place(address)}"
        row = apart(lambda address=address: work(address), deadline_s)  # type: ignore[misc]
        print(name, f"{time.monotonic() - begin:.1f} s", said(row), flush=True)
        keep(options.out, {name: {**row, **how}}, summary)
    return keep(options.out, {}, summary)


def keep(path: Path, rows: Mapping[str, Row], summary: Callable[[Mapping[str, Row]], Any]) -> dict[str, Any]:
    """Put rows among those that are there; another process may do so at the same time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        every = {**(json.loads(path.read_text())["problems"] if path.is_file() else {}), **rows}
        found = {"suites": summary(every), "problems": {name: every[name] for name in sorted(every, key=_order)}}
        path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
        return found
    finally:
        os.close(folder)


def _order(name: str) -> list[str | int]:
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def command(options: argparse.Namespace) -> str:
    """The command line without paths of this machine."""
    words = ["python", f"benchmarks/{Path(sys.argv[0]).name}"]
    words += ["--root", "KERNELBENCH"] if options.root else []
    if options.root:
        words += ["--problems", options.problems] if options.problems else ["--levels", *map(str, options.levels)]
    words += ["--gpumode", "CHECKOUT"] if options.gpumode else []
    words += ["--tasks", options.tasks] if options.gpumode and options.tasks else []
    return " ".join(words)


def commit() -> str:
    """The commit of this checkout, short; "" where git does not know it."""
    here = Path(__file__).parent
    words = ["git", "-C", str(here), "describe", "--always", "--dirty", "--abbrev=10", "--exclude=*"]
    try:
        return subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""


def apart(work: Callable[[], Row], deadline_s: int) -> Row:
    """The answer of a forked process; what it said when it died or took too long."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        signal.alarm(deadline_s)
        with os.fdopen(writer, "w") as stream:
            json.dump(work(), stream)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as stream:
        answer = stream.read()
    _, status = os.waitpid(child, 0)
    if answer:
        return dict(json.loads(answer))
    late = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM
    return {"why": f"it took longer than {deadline_s} s" if late else f"its process ended with status {status}"}
