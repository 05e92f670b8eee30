"""The colours of page and charts, light and dark: every one is named here, and nowhere else.

The hues are those of Okabe and Ito (2008), which people who see few colours can tell apart, darkened or lightened until
text in them has a contrast of at least 4.5 to the ground.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

LIGHT: Mapping[str, str] = {
    "ground": "#ffffff",
    "raised": "#f5f6f8",
    "ink": "#16191d",
    "quiet": "#5a6270",
    "rule": "#dfe3e8",
    "accent": "#0a5fa8",
    "best": "#0a5fa8",
    "dot": "#8fa3b8",
    "seed": "#9a5a00",
    "eager": "#b3430e",
    "compile": "#84467a",
    "good": "#08704f",
    "bad": "#b3261e",
    "noise": "#e9eef4",
    "added": "#dff3e6",
    "removed": "#fce3e1",
    "keyword": "#8a2a86",
    "comment": "#5c646e",
    "literal": "#0a5fa8",
    "caution": "#fff3d6",
    "caution-ink": "#6b4800",
    "heat-0": "#edf2f7",
    "heat-1": "#d3e3f1",
    "heat-2": "#a9cbe6",
    "heat-3": "#6ea6d3",
    "heat-4": "#2f79b5",
    "heat-5": "#0b4f8a",
}

DARK: Mapping[str, str] = {
    "ground": "#12151a",
    "raised": "#1a1f26",
    "ink": "#e6e9ee",
    "quiet": "#a0a9b6",
    "rule": "#2c333d",
    "accent": "#6bb3f2",
    "best": "#6bb3f2",
    "dot": "#7488a0",
    "seed": "#e0a03a",
    "eager": "#f08a55",
    "compile": "#cf95c5",
    "good": "#4cc596",
    "bad": "#ff8a80",
    "noise": "#1d2632",
    "added": "#12352a",
    "removed": "#431f20",
    "keyword": "#d79bd3",
    "comment": "#949ca8",
    "literal": "#8ec5f5",
    "caution": "#3a2f12",
    "caution-ink": "#f2cf7d",
    "heat-0": "#1c232c",
    "heat-1": "#1d3448",
    "heat-2": "#1f4a6e",
    "heat-3": "#246699",
    "heat-4": "#3b8ccb",
    "heat-5": "#8cc6f5",
}

HEATS = 6


def variables(colours: Mapping[str, str]) -> str:
    """The colours as CSS custom properties."""
    return "".join(f"--{name}:{value};" for name, value in colours.items())


def fixed(style: str, colours: Mapping[str, str] = LIGHT) -> str:
    """A style sheet with the colours written in, for a drawing that stands on its own."""
    return re.sub(r"var\(--([a-z0-9-]+)\)", lambda found: colours[found[1]], style)


def heat(share: float) -> str:
    """The class of a place between the lowest (0) and the highest (1)."""
    return f"heat-{min(HEATS - 1, max(0, int(share * HEATS)))}"
