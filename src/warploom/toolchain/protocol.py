"""What a toolchain is. One class a language; ``warploom.testing`` ships the contract suite."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from warploom.values.candidate import Candidate
from warploom.values.outcome import Build, Failed
from warploom.values.signature import Signature


class Toolchain(Protocol):
    """Builds candidates of one language."""

    @property
    def language(self) -> str:
        """The name candidates carry: "cpp"."""
        ...

    def version(self) -> str:
        """Compiler and version, one line.

        Raises:
            ToolchainError: the compiler is absent; the message says how to get it.
        """
        ...

    def check_source(self, candidate: Candidate, signature: Signature) -> Failed | None:
        """Rules that can be read off the text: flags on the whitelist, the entry point and its signature."""
        ...

    def build(self, candidate: Candidate, signature: Signature, cache: Path) -> Build | Failed:
        """Compile into the content-addressed cache, or give the compiler's message. Safe to call concurrently."""
        ...
