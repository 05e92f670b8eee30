"""Writes an export: all of it or nothing, into a folder of its own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from warploom.errors import ConfigError


def write(files: Mapping[str, str | bytes], folder: Path) -> list[Path]:
    """Write every file; returns their paths, sorted.

    Args:
        files: path inside the folder → content.
        folder: must not exist, or be empty.

    Raises:
        ConfigError: it holds something already, or cannot be written.
    """
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise ConfigError(f"--out {folder} exists and is not empty; name a new folder, or remove that one first")
        folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            for name, content in files.items():
                path = fresh / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content.encode() if isinstance(content, str) else content)
            fresh.chmod(0o755)
            if folder.exists():
                folder.rmdir()
            fresh.rename(folder)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    except OSError as error:
        raise ConfigError(f"--out {folder} cannot be written: {error.strerror or error}") from None
    return sorted(folder / name for name in files)
