"""Writes the page, and each figure as a file of its own."""

from __future__ import annotations

import os
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

from warploom.errors import ConfigError
from warploom.report.html.gallery import WIDE, gallery
from warploom.report.html.page import draw, page, template
from warploom.report.html.palette import LIGHT, fixed
from warploom.report.html.story import Story

HEAD_BYTES = 1 << 12
"""Of a page; the mark of its run is in there."""

ZOOM = 2
"""Pixels of a PNG for each pixel of the drawing."""


def write_page(story: Story, path: Path) -> int:
    """Write the page, whole or not at all; returns its size in bytes.

    Raises:
        ConfigError: the place is a folder, or cannot be written.
    """
    if path.is_dir():
        raise ConfigError(f"--out {path} is a folder; give a file, such as {path / 'report.html'}")
    body = page(story).encode()
    _write(path, body)
    return len(body)


def is_page_of(story: Story, path: Path) -> bool:
    """Whether a file is a page about this very run, as it stood earlier."""
    try:
        with path.open("rb") as file:
            return f'<meta name="warploom-run" content="{story.mark}">'.encode() in file.read(HEAD_BYTES)
    except OSError:
        return False


def write_figures(story: Story, folder: Path) -> list[Path]:
    """Each figure as SVG, and as PNG where the extra ``report`` is installed; returns the files.

    Raises:
        ConfigError: the folder cannot be made or written.
    """
    raster = rasteriser()
    found = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--figures {folder}: cannot be made: {error.strerror}") from None
    style = fixed(template("chart.css"), LIGHT)
    for figure in gallery(story):
        text = str(draw(figure, WIDE).markup(style=style))
        found.append(folder / f"{figure.name}.svg")
        _write(found[-1], text.encode())
        if raster is not None:
            found.append(folder / f"{figure.name}.png")
            _write(found[-1], raster.svg_to_bytes(svg_string=text, zoom=ZOOM))
    return found


def rasteriser() -> Any:
    """The library that makes PNG of SVG; None where it is not installed."""
    try:
        return import_module("resvg_py")
    except ImportError:
        return None


def _write(path: Path, body: bytes) -> None:
    try:
        descriptor, fresh = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(body)
            Path(fresh).chmod(0o644)
            Path(fresh).replace(path)
        except BaseException:
            Path(fresh).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from None
