"""Addresses of problems in other formats: ``format:place?scale=full&root=DIR&trust=yes``. Standard library only."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote

from warploom.errors import ProblemError

SCALES: tuple[str, ...] = ("auto", "full")

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9_-]+):(?!//)(.+)", re.DOTALL)


@dataclass(frozen=True)
class Address:
    """Where a problem in another format lies.

    Attributes:
        format: the word before the colon.
        place: what follows, read by the format's own file.
        root: directory of the checkout, "" for the one that the environment names.
        scale: "auto" makes a problem smaller until it can be judged in good time; "full" leaves it as it is.
        trust: whether its program runs as the user does, without a jail.
    """

    format: str
    place: str
    root: str = ""
    scale: str = "auto"
    trust: bool = False

    def __str__(self) -> str:
        words = [f"root={quote(self.root)}"] if self.root else []
        words += [f"scale={self.scale}"] if self.scale != "auto" else []
        words += ["trust=yes"] if self.trust else []
        return f"{self.format}:{self.place}" + (f"?{'&'.join(words)}" if words else "")


def parse_address(text: str, formats: tuple[str, ...]) -> Address | None:
    """The address that a text is; None when it is a name or a path.

    Raises:
        ProblemError: it has the form of an address, but a format or option is unknown.
    """
    matched = _SCHEME.fullmatch(text)
    if matched is None or (matched[1] not in formats and "/" in matched[1]):
        return None
    scheme, rest = matched[1], matched[2]
    if scheme not in formats:
        near = difflib.get_close_matches(scheme, formats, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}:{rest}? " if near else ""
        raise ProblemError(f"unknown format {scheme!r} in {text!r}: {hint}known: {', '.join(formats)}")
    place, _, query = rest.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    unknown = sorted(set(options) - {"root", "scale", "trust"})
    if unknown:
        raise ProblemError(f"{text}: unknown option {unknown[0]!r}; known: root, scale, trust")
    scale = options.get("scale", "auto")
    if scale not in SCALES:
        raise ProblemError(f"{text}: scale {scale!r} is unknown; known: {', '.join(SCALES)}")
    trust = options.get("trust", "no")
    if trust not in ("yes", "no"):
        raise ProblemError(f"{text}: trust is yes or no, not {trust!r}")
    return Address(scheme, place, options.get("root", ""), scale, trust == "yes")
