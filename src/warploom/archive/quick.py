"""Reads the events that come with each candidate faster than JSON, where msgspec is installed (the extra ``ui``).

A long run has hundreds of thousands of them, and whoever opens it in a browser waits until all are read. What is read
is the same: a text that this cannot read, or might read with less care, is left to JSON.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import cache
from importlib import import_module
from typing import Any

from warploom.values.event import Evaluated, Proposed

SIMPLE: tuple[type, ...] = (Proposed, Evaluated)
"""Without objects inside."""

Quick = Callable[[str], Any]
"""The event of a text; None where JSON must tell."""


@cache
def quick_reader(kind: type) -> Quick | None:
    """What reads the texts of such events; None where all are left to JSON."""
    try:
        return _reader(import_module("msgspec"), kind) if kind in SIMPLE else None
    except ImportError:
        return None


def _reader(msgspec: Any, kind: type) -> Quick:
    decode, fault = msgspec.json.Decoder(kind).decode, msgspec.MsgspecError
    names = len(fields(kind))

    def read(text: str) -> Any:
        # It passes over names that it does not know. Where nothing is escaped, each '":' is a name.
        if "\\" in text or text.count('":') != names:
            return None
        try:
            return decode(text)
        except fault:
            return None

    return read
