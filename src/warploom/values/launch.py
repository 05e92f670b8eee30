"""How a GPU kernel is started: data, not code, so that nothing of a candidate runs outside its worker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from warploom.errors import ProblemError
from warploom.values.shape import extent

MOST_WORKSPACE_BYTES = 1 << 30
"""Of a workspace: it is filled with zeros in every call."""


@dataclass(frozen=True)
class Launch:
    """One launch.

    Attributes:
        grid: blocks along x, y and z: expressions of axes and constants, as in a tensor's shape.
        block: threads along x, y and z; () where the compiler decides (Triton).
        shared_bytes: dynamic shared memory of a block.
        constants: the TUNE values that expressions may name.
        workspace: bytes of scratch memory that the kernel finds filled with zeros: an expression as in the grid; "" for
            none.
    """

    grid: tuple[str, str, str]
    block: tuple[int, ...] = ()
    shared_bytes: int = 0
    constants: Mapping[str, int] = field(default_factory=dict)
    workspace: str = ""

    def blocks(self, axes: Mapping[str, int]) -> tuple[int, int, int]:
        """Blocks along x, y and z for a workload.

        Args:
            axes: extents of the problem's axes.

        Raises:
            ProblemError: an expression divides by zero there.
        """
        known = {**axes, **self.constants}
        x, y, z = (extent(word, known) for word in self.grid)
        return x, y, z

    def workspace_bytes(self, axes: Mapping[str, int]) -> int:
        """Bytes of scratch memory for a workload; 0 for a kernel without.

        Args:
            axes: extents of the problem's axes.

        Raises:
            ProblemError: it asks for none or for too much there, or divides by zero.
        """
        if not self.workspace:
            return 0
        size = extent(self.workspace, {**axes, **self.constants})
        if not 0 < size <= MOST_WORKSPACE_BYTES:
            raise ProblemError(
                f"a workspace of {size} bytes; ask for 1 to {MOST_WORKSPACE_BYTES} at every shape, or for none"
            )
        return size

    def as_json(self) -> dict[str, Any]:
        """Every field by its name; of a kernel without a workspace those alone that there were before it."""
        fields = {**asdict(self), "constants": dict(self.constants)}
        return fields if self.workspace else {name: value for name, value in fields.items() if name != "workspace"}
