"""The toolchain of a language."""

from __future__ import annotations

from warploom.errors import ToolchainError
from warploom.toolchain.cpp import CppToolchain
from warploom.toolchain.protocol import Toolchain


def find_toolchain(language: str) -> Toolchain:
    """The toolchain that builds candidates of this language.

    Raises:
        ToolchainError: there is none.
    """
    if language == "cpp":
        return CppToolchain()
    raise ToolchainError(f"no toolchain for the language {language!r}; there is: cpp")
