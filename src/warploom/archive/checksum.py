"""The checksum behind the text of each event: SQLite itself has none.

It covers kind and text, and stands behind the JSON as ``#`` and eight digits. Older journals hold texts without one.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import cache
from struct import pack

_LENGTH = 9


def sealed(kind: str, text: str) -> str:
    """The text with its checksum."""
    return f"{text}#{zlib.crc32(text.encode(), _begun(kind)):08x}"


def intact(kind: str, text: str) -> bool:
    """Whether the text of an event carries the checksum that fits, or none."""
    return text[-1:] == "}" or (text[-_LENGTH:-8] == "#" and text == sealed(kind, text[:-_LENGTH]))


def opened(text: str) -> str:
    """The text of an event that is intact, without its checksum."""
    return text if text.endswith("}") else text[:-_LENGTH]


def all_opened(kinds: Sequence[str], texts: Sequence[bytes]) -> list[bytes]:
    """Many texts without their checksums, compared at once.

    Raises:
        ValueError: one does not fit, or there is none.
    """
    starts = {kind: _begun(kind) for kind in set(kinds)}
    found = [text[:-_LENGTH] for text in texts]
    sums = pack(f">{len(found)}I", *map(zlib.crc32, found, [starts[kind] for kind in kinds])).hex("#", 4)
    if b"".join([text[-_LENGTH:] for text in texts]) != b"#" * bool(texts) + sums.encode():
        raise ValueError("a checksum does not fit")
    return found


@cache
def _begun(kind: str) -> int:
    """The checksum as far as it covers the kind."""
    return zlib.crc32(f"{kind} ".encode())
