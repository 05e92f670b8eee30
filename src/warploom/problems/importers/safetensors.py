"""Single tensors out of safetensors files: eight bytes of length, a JSON header, raw values. Standard library only."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

from warploom.errors import ProblemError

LARGEST_HEADER_BYTES = 16 << 20

DTYPES: dict[str, tuple[str, int]] = {
    "F64": ("float64", 8),
    "F32": ("float32", 4),
    "F16": ("float16", 2),
    "BF16": ("bfloat16", 2),
    "I64": ("int64", 8),
    "I32": ("int32", 4),
    "I16": ("int16", 2),
    "I8": ("int8", 1),
    "U8": ("uint8", 1),
    "BOOL": ("bool", 1),
}
"""Type as the format writes it → our name and its bytes."""

_LFS = b"version https://git-lfs.github.com/spec/"


@dataclass(frozen=True)
class Stored:
    """A tensor as it lies in a file.

    Attributes:
        dtype: one of the names in :data:`DTYPES`' values.
        shape: lengths.
        data: dense values in C order, little-endian.
    """

    dtype: str
    shape: tuple[int, ...]
    data: bytes


def read_tensor(path: Path, key: str, most_bytes: int) -> Stored:
    """One tensor of a file.

    Args:
        path: of the file.
        key: the tensor's name in it.
        most_bytes: a larger tensor is refused before it is read.

    Raises:
        ProblemError: it cannot be read, or there is no such tensor, or it is too large.
    """
    try:
        with path.open("rb") as stream:
            start = stream.read(8)
            if (start + stream.read(len(_LFS) - 8)).startswith(_LFS):
                raise ProblemError(f"{path} is a pointer of Git LFS, not the file: run git lfs pull in its checkout")
            stream.seek(8)
            length = int.from_bytes(start, "little")
            if len(start) < 8 or length > LARGEST_HEADER_BYTES:
                raise ProblemError(f"{path} is no safetensors file")
            dtype, shape, (first, last) = _entry(json.loads(stream.read(length)), key, path)
            name, size = DTYPES[dtype]
            if last - first != math.prod(shape) * size or first < 0 or any(one < 0 for one in shape):
                raise ProblemError(f"{path}: tensor {key!r} has {last - first} bytes, and its shape wants others")
            if last - first > most_bytes:
                raise ProblemError(
                    f"{path}: tensor {key!r} has {last - first} bytes; a problem file holds {most_bytes} at most"
                )
            stream.seek(8 + length + first)
            data = stream.read(last - first)
    except OSError as error:
        raise ProblemError(f"{path}: {error.strerror}") from None
    except (ValueError, LookupError, TypeError, RecursionError):
        raise ProblemError(f"{path} is no safetensors file, or has a type that no kernel can be given") from None
    if len(data) != last - first:
        raise ProblemError(f"{path} ends before tensor {key!r} does")
    return Stored(name, shape, data)


def _entry(header: object, key: str, path: Path) -> tuple[str, tuple[int, ...], tuple[int, int]]:
    if not isinstance(header, dict):
        raise TypeError("a header is a JSON object")
    if key not in header:
        names = ", ".join(sorted(name for name in header if name != "__metadata__")[:8])
        raise ProblemError(f"{path} has no tensor {key!r}; it has: {names}")
    entry = header[key]
    first, last = entry["data_offsets"]
    return str(entry["dtype"]), tuple(int(one) for one in entry["shape"]), (int(first), int(last))
