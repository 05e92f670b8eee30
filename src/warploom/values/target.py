"""What a kernel is compiled for: a language and architectures, as in ``--target triton:sm_90a,gfx942``."""

from __future__ import annotations

from dataclasses import dataclass

from warploom.errors import ConfigError
from warploom.values.architecture import Architecture, find_architecture

VENDORS: dict[str, tuple[str, ...]] = {"cuda": ("nvidia",), "hip": ("amd",), "triton": ("nvidia", "amd")}
"""Language of GPU kernels → whose GPUs it can be compiled for."""

DEFAULTS: dict[str, tuple[str, ...]] = {"cuda": ("sm_90a",), "hip": ("gfx942",), "triton": ("sm_90a", "gfx942")}
"""Language → the architectures that are meant where none is named."""


@dataclass(frozen=True)
class Target:
    """A language and the architectures to compile it for. The first must build; the others say how portable it is."""

    language: str
    architectures: tuple[Architecture, ...]

    def __str__(self) -> str:
        return f"{self.language}:{','.join(one.name for one in self.architectures)}"


def parse_target(text: str) -> Target:
    """A target from its words: ``LANGUAGE`` or ``LANGUAGE:ARCHITECTURE[,…]``.

    Raises:
        ConfigError: an unknown language or architecture, one named twice, or one that the language does not reach.
    """
    language, colon, rest = text.partition(":")
    if language not in VENDORS:
        raise ConfigError(f"unknown target language {language!r} in {text!r}; there is: {', '.join(VENDORS)}")
    names = tuple(word.strip() for word in rest.split(",")) if colon else DEFAULTS[language]
    architectures = tuple(find_architecture(name) for name in names)
    for one in architectures:
        if one.vendor not in VENDORS[language]:
            raise ConfigError(f"{language} cannot be compiled for {one.name}, a GPU of {one.vendor.upper()}")
    if len(set(names)) < len(names):
        raise ConfigError(f"an architecture stands twice in {text!r}; name each once")
    return Target(language, architectures)
