"""From an address to a native problem file in the cache. Nothing foreign is run in this process."""

from __future__ import annotations

import functools
import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import warploom
from warploom.errors import ProblemError
from warploom.problems.apart import ask_apart
from warploom.problems.importers import flashinfer, gpumode, kernelbench, openevolve, pytorch
from warploom.problems.importers.address import Address, parse_address
from warploom.problems.importers.program import Found
from warploom.problems.importers.words import plain
from warploom.problems.native import text_hash
from warploom.problems.trust import FOREIGN

FORMATS: Mapping[str, Callable[[Address], Found]] = {
    "pytorch": pytorch.find,
    "kernelbench": kernelbench.find,
    "gpumode": gpumode.find,
    "flashinfer": flashinfer.find,
    "openevolve": openevolve.find,
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
        cache: directory; the file lies in ``imported`` in it, or in ``trusted``, under the hash of all that it is made
            from. The program of one in ``imported`` is run in a jail, now and later.

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
    room = "trusted" if address.trust else "imported"
    path = cache / room / text_hash(f"{_version()}\n{words}")[:16] / f"{name}.py"
    if not path.is_file():
        places = {Path(source).name: source for source, _ in found.program.files}
        asked = {**request, "address": f"{address.format}:{address.place}", "places": places}
        # The mark comes from here: what a jailed program says about itself is not believed.
        _write(path, ("" if address.trust else FOREIGN) + _study(json.dumps(asked), address))
    return path


@functools.cache
def _version() -> str:
    """Stands for the code that decides what is written: files that other code wrote are not taken for its own."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parent.glob("*.py"))]
    return f"{warploom.__version__} {text_hash(chr(0).join(texts))}"


def _study(words: str, address: Address) -> str:
    """The text of the problem file, found out in another process."""
    answer = ask_apart(
        ["-m", "warploom.problems.importers.study"],
        name=str(address),
        what="program",
        foreign=not address.trust,
        deadline_s=DEADLINE_SECONDS,
        request=words.encode(),
    )
    text = answer.get("text") if isinstance(answer, dict) else None
    if not isinstance(text, str):
        raise ProblemError(f"{address}: the program ended its process before it was understood")
    return text


def _write(path: Path, text: str) -> None:
    """In one step: another process may be at it too."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as stream:
            stream.write(text)
        Path(stream.name).chmod(0o644)  # whoever runs it in a jail is another user
        Path(stream.name).replace(path)
    except OSError as error:
        raise ProblemError(f"{path}: the imported problem cannot be kept: {error.strerror}") from None
