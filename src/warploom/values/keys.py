"""Keys in the environment: for this process, and for none that it starts."""

from __future__ import annotations

from collections.abc import Mapping


def without_keys(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment for a child: everything but the variables that hold the key to a language model."""
    return {name: text for name, text in environment.items() if not name.endswith("_API_KEY")}
