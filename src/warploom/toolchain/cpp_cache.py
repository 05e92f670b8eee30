"""The build cache: one folder a build, named by the hash of everything that goes into it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

ARTIFACT = "kernel.so"
_RECORD = "build.json"


def key(parts: Iterable[str]) -> str:
    """Thirty-two hex digits; each part is hashed with its length, so no two can run together."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode()
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()[:32]


def sha256(path: Path) -> str:
    """Hash of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextlib.contextmanager
def scratch(cache: Path) -> Iterator[Path]:
    """A new folder in the cache, gone afterwards unless it was :func:`admit`-ted."""
    cache.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".new-", dir=cache))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def look_up(cache: Path, name: str, file: str = ARTIFACT) -> dict[str, Any] | None:
    """What was recorded with this build; None when there is none, or record or artifact are those of another.

    Args:
        cache: the cache's folder.
        name: from :func:`key`.
        file: what the artifact is called there.
    """
    try:
        record = json.loads((cache / name / _RECORD).read_text())
        own = record["build"] == name and record["sha256"] == sha256(cache / name / file)
        return record if own else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def admit(cache: Path, name: str, artifact: Path, record: dict[str, Any], file: str = ARTIFACT) -> None:
    """Put a build into the cache in one step; when another builder was first, theirs stays.

    Args:
        cache: the cache's folder.
        name: from :func:`key`.
        artifact: the shared object or bundle, in a scratch folder of this cache.
        record: JSON values, with "sha256" of the artifact and "build", the name.
        file: what the artifact will be called there.
    """
    folder = Path(tempfile.mkdtemp(prefix=".new-", dir=cache))
    try:
        folder.chmod(0o755)
        artifact.replace(folder / file)
        (folder / file).chmod(0o555)
        (folder / _RECORD).write_text(json.dumps(record))
        try:
            folder.rename(cache / name)
        except OSError:
            if look_up(cache, name, file) is None:  # what stands there is damaged
                shutil.rmtree(cache / name, ignore_errors=True)
                folder.rename(cache / name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
