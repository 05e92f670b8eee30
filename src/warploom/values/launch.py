"""How a GPU kernel is started: data, not code, so that nothing of a candidate runs outside its worker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from warploom.values.shape import extent


@dataclass(frozen=True)
class Launch:
    """One launch.

    Attributes:
        grid: blocks along x, y and z: expressions of axes and constants, as in a tensor's shape.
        block: threads along x, y and z; () where the compiler decides (Triton).
        shared_bytes: dynamic shared memory of a block.
        constants: the TUNE values that the grid's expressions may name.
    """

    grid: tuple[str, str, str]
    block: tuple[int, ...] = ()
    shared_bytes: int = 0
    constants: Mapping[str, int] = field(default_factory=dict)

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
