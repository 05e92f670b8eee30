"""Names that an exported kernel goes by, in Python, in PyTorch and on a package index."""

from __future__ import annotations

import keyword
import re
import sys
from dataclasses import dataclass

from warploom.errors import ConfigError
from warploom.values.problem import Problem

_PACKAGE = re.compile(r"[a-z][a-z0-9_]{0,62}[a-z0-9]")
_TAKEN = frozenset({"torch", "numpy", "warploom", "pip", "setuptools", "aten", "prim", "prims"})
_OWN = frozenset({"Tensor", "Path", "Operator", "MANIFEST", "counts", "reset_counts", "explain", "reference"})
_ATTRIBUTES = frozenset({"name"})
"""Functions of these names could not be reached as ``torch.ops.<namespace>.<function>``."""


@dataclass(frozen=True)
class Naming:
    """How everything is called.

    Attributes:
        package: what is imported; also the namespace of the operator.
        function: the function in it, and the operator.
        arguments: of that function, in order.
    """

    package: str
    function: str
    arguments: tuple[str, ...]

    @property
    def distribution(self) -> str:
        """What is installed."""
        return self.package.replace("_", "-")


def naming(problem: Problem, name: str = "") -> Naming:
    """Names for a problem's kernel.

    Args:
        problem: whose names are usable in C++; those that Python keeps for itself get an underscore at their end.
        name: of the package; "" for ``<problem>_kernel``.

    Raises:
        ConfigError: the name cannot be a package.
    """
    package = (name or f"{problem.name[:57]}_kernel").replace("-", "_").lower()
    if not _PACKAGE.fullmatch(package) or keyword.iskeyword(package):
        raise ConfigError(
            f"--name {name!r}: a package's name begins with a letter and has letters, digits and dashes, 64 at most"
        )
    if package in _TAKEN or package in sys.stdlib_module_names:
        raise ConfigError(f"--name {name!r} is taken by another package; choose another, such as {package}_kernel")
    function = _usable(problem.name, _OWN | _ATTRIBUTES)
    arguments: list[str] = []
    for one in problem.inputs:
        arguments.append(_usable(one, {*arguments, *problem.inputs} - {one}))
    return Naming(package, function, tuple(arguments))


def _usable(name: str, taken: frozenset[str] | set[str]) -> str:
    while keyword.iskeyword(name) or name in taken:
        name += "_"
    return name
