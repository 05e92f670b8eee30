"""From an address to a native problem file in the cache. Nothing foreign is run in this process."""

from __future__ import annotations

import functools
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import warploom
from warploom.errors import ProblemError
from warploom.problems.importers import gpumode, kernelbench, pytorch
from warploom.problems.importers.address import Address, parse_address
from warploom.problems.importers.program import Found
from warploom.problems.importers.words import plain
from warploom.problems.native import text_hash
from warploom.values.keys import without_keys

FORMATS: Mapping[str, Callable[[Address], Found]] = {
    "pytorch": pytorch.find,
    "kernelbench": kernelbench.find,
    "gpumode": gpumode.find,
}
"""Format → what finds its programs."""

DEADLINE_SECONDS = 180.0


def address_of(text: str) -> Address | None:
    """The address that a text is; None for a name or a path.

    Raises:
        ProblemError: an unknown format or option.
    """
    return parse_address(text, tuple(FORMATS))


def bring(address: Address, cache: Path) -> Path:
    """The native problem file of an address, made when it is not there yet.

    Args:
        address: of the problem.
        cache: directory; the file lies in ``imported`` in it, under the hash of all that it is made from.

    Raises:
        ProblemError: there is no such program, or it cannot be run or judged; one line.
    """
    found = FORMATS[address.format](address)
    name = plain(found.name)
    # Where the sources lie is no part of the problem: a checkout elsewhere gives the same file, and the same hash.
    files = [(Path(path).name, text) for path, text in found.program.files]
    request = {
        "program": {**found.program.to_mapping(), "files": files},
        "name": name,
        "title": found.title,
        "scale": address.scale,
    }
    words = json.dumps(request, sort_keys=True)
    path = cache / "imported" / text_hash(f"{_version()}\n{words}")[:16] / f"{name}.py"
    if not path.is_file():
        places = {Path(source).name: source for source, _ in found.program.files}
        asked = {**request, "address": f"{address.format}:{address.place}", "places": places}
        _write(path, _study(json.dumps(asked), str(address)))
    return path


@functools.cache
def _version() -> str:
    """Stands for the code that decides what is written: files that other code wrote are not taken for its own."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parent.glob("*.py"))]
    return f"{warploom.__version__} {text_hash(chr(0).join(texts))}"


def _study(words: str, address: str) -> str:
    """The text of the problem file, found out in another process."""
    command = [sys.executable, "-P", "-m", "warploom.problems.importers.study"]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=without_keys(os.environ),
        start_new_session=True,
    ) as process:
        try:
            answer, errors = process.communicate(words.encode(), timeout=DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            raise ProblemError(
                f"{address}: running the program took longer than {DEADLINE_SECONDS:g} s; is there a loop without end?"
            ) from None
        finally:
            if process.poll() is None:  # what it started goes with it
                os.killpg(process.pid, signal.SIGKILL)
    said = errors.decode(errors="replace").strip().splitlines()
    if process.returncode == 2 and said:
        raise ProblemError(said[-1])
    try:
        return str(json.loads(answer)["text"])
    except (ValueError, LookupError, TypeError):
        last = f": {said[-1][:300]}" if said else ""
        raise ProblemError(
            f"{address}: the program ended its process (exit status {process.returncode}) before it was understood"
            f"{last}"
        ) from None


def _write(path: Path, text: str) -> None:
    """In one step: another process may be at it too."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as stream:
            stream.write(text)
        Path(stream.name).replace(path)
    except OSError as error:
        raise ProblemError(f"{path}: the imported problem cannot be kept: {error.strerror}") from None
