"""Keys in the environment: for this process, and for none that it starts."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


def without_keys(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment for a child: everything but the variables that hold the key to a language model."""
    return {name: text for name, text in environment.items() if not name.endswith("_API_KEY")}


@contextmanager
def keys_hidden() -> Iterator[None]:
    """For what starts a child on its own, out of our sight: the environment is without keys meanwhile."""
    before = dict(os.environ)
    for name in before.keys() - without_keys(before).keys():
        del os.environ[name]
    try:
        yield
    finally:
        for name, text in before.items():
            os.environ.setdefault(name, text)
