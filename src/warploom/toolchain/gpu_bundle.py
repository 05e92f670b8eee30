"""The artifact of a GPU kernel: one file with its code for each architecture and how it is launched.

A zip archive of stored entries: ``launch.json`` and one code file an architecture. A worker on a machine with a GPU
needs the standard library alone to read it; see docs/gpu.md.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from warploom.values.launch import Launch

ARTIFACT = "kernel.bundle"
_LAUNCH = "launch.json"
_THE_SAME_TIME = (1980, 1, 1, 0, 0, 0)  # so that the same kernel is the same bytes


@dataclass(frozen=True)
class Code:
    """A kernel for one architecture.

    Attributes:
        file: name in the bundle, "sm_90a.cubin".
        kernel: name of the function in it.
        threads: of one block, all dimensions together.
        shared_bytes: dynamic shared memory that a launch has to ask for.
        arguments: what the function takes after the problem's own arguments and the workspace, in order.
    """

    file: str
    kernel: str
    threads: int
    shared_bytes: int
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bundle:
    """Everything a worker needs.

    Attributes:
        language: "cuda", …
        launch: grid and block.
        codes: architecture → its code.
    """

    language: str
    launch: Launch
    codes: Mapping[str, Code]
    data: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    def write(self, path: Path) -> None:
        """Write it; the same bundle is the same bytes."""
        head = {
            "language": self.language,
            "launch": self.launch.as_json(),
            "codes": {k: asdict(v) for k, v in self.codes.items()},
        }
        whole = io.BytesIO()
        with zipfile.ZipFile(whole, "w", zipfile.ZIP_STORED) as archive:
            for name, data in {_LAUNCH: json.dumps(head).encode(), **self.data}.items():
                archive.writestr(zipfile.ZipInfo(name, _THE_SAME_TIME), data)
        path.write_bytes(whole.getvalue())


def read_bundle(path: Path) -> Bundle:
    """The bundle in a file.

    Raises:
        ValueError: the file is no bundle.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            head = json.loads(archive.read(_LAUNCH))
            data = {name: archive.read(name) for name in archive.namelist() if name != _LAUNCH}
        raw = head["launch"]
        x, y, z = raw["grid"]
        launch = Launch((x, y, z), tuple(raw["block"]), raw["shared_bytes"], raw["constants"], raw.get("workspace", ""))
        codes = {name: Code(**{**code, "arguments": tuple(code["arguments"])}) for name, code in head["codes"].items()}
    except (OSError, zipfile.BadZipFile, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is no bundle of a GPU kernel: {error}") from None
    return Bundle(head["language"], launch, codes, data)
