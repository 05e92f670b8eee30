"""Input sets with their float64 answers, for strict checks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from warploom.judge.comparison.compare import Allowance, Comparison, Expected, compare
from warploom.judge.content.guards import Poison, overwritten
from warploom.judge.content.inputs import draw
from warploom.judge.content.layout import STORAGE, Array, Layout, input_layout, output_layout, view
from warploom.judge.reference.process import ReferenceProcess
from warploom.sandbox.buffers import SharedBuffer
from warploom.values.problem import FLOATS, Problem, Workload

Rejection = tuple[str, str]
"""Kind of failure and what was found."""

STRESS_ROOM = 8.0
"""Times the tolerance where a timed shape meets held-out values: carelessness is sought there, not the last digits.

A plain float32 sum over 262144 squares of which some are a million times larger is up to 1.7 times the tolerance off.
"""


@dataclass(frozen=True)
class CheckedSet:
    """One input set and what every output must be for it.

    Attributes:
        inputs: the buffer, laid out by ``layout``.
        layout: of the inputs.
        expected: per output.
        levels: per output, the largest error level before the tolerance's factor.
        seed: it was drawn from; secret until an evaluation that used it is over.
    """

    inputs: SharedBuffer
    layout: Layout
    expected: tuple[Expected, ...]
    levels: tuple[float, ...]
    seed: int

    @property
    def offsets(self) -> list[int]:
        """Where the inputs lie, in calling order."""
        return [region.offset for region in self.layout.regions]


def with_room(checked: CheckedSet) -> CheckedSet:
    """The same set with :data:`STRESS_ROOM` times the tolerance; what is exact stays so."""
    return replace(checked, expected=tuple(_roomy(one) for one in checked.expected))


def _roomy(expected: Expected) -> Expected:
    tolerance = expected.tolerance
    if isinstance(tolerance, Allowance):
        return expected
    most = np.finfo(tolerance.dtype).max / STRESS_ROOM
    return replace(expected, tolerance=np.minimum(tolerance, most) * tolerance.dtype.type(STRESS_ROOM))


def fill(
    buffer: SharedBuffer, layout: Layout, problem: Problem, workload: Workload, seed: int, reference: ReferenceProcess
) -> None:
    """Draw every input of a workload from a seed, NaN bits in the gaps between them.

    The recipe "own" is drawn by the problem's own generator, in the reference process.

    Raises:
        ReferenceFailed: that has none, or it draws what the problem does not allow.
    """
    memory = np.frombuffer(buffer.memory, dtype=np.uint8)
    for begin, end in layout.gaps:
        memory[begin:end] = 0xFF
    if workload.recipe == "own":
        for region, drawn in zip(layout.regions, draw_own(problem, workload, seed, reference), strict=True):
            view(buffer, region)[:] = drawn
        return
    rng = np.random.default_rng(seed)
    for region, tensor in zip(layout.regions, problem.inputs.values(), strict=True):
        view(buffer, region, room=True)[:] = draw(tensor, workload.recipe, region.room_count, workload.extents, rng)


def draw_own(problem: Problem, workload: Workload, seed: int, reference: ReferenceProcess) -> list[Array]:
    """What the problem's own generator draws from a seed: an array an input, flat, in storage type.

    Raises:
        ReferenceFailed: it has none, or it draws what the problem does not allow.
    """
    layout = input_layout(problem, workload)
    with SharedBuffer(layout.size_bytes) as scratch:  # the other process writes there, so it cannot be an input
        reference.draw(workload, scratch, [region.offset for region in layout.regions], seed)
        found = [view(scratch, region).copy() for region in layout.regions]
        reference.forget([scratch])
    return found


def draw_checked(problem: Problem, workload: Workload, reference: ReferenceProcess, seed: int) -> CheckedSet:
    """Draw an input set and have its oracle computed.

    Raises:
        ReferenceFailed: the reference could not be computed.
    """
    layout = input_layout(problem, workload)
    inputs = SharedBuffer(layout.size_bytes)
    fill(inputs, layout, problem, workload, seed, reference)
    try:
        offsets = [region.offset for region in layout.regions]
        expected, levels = answer(problem, workload, reference, inputs, offsets, seed)
        reference.forget([inputs])
    except BaseException:
        inputs.close()
        raise
    return CheckedSet(inputs, layout, expected, levels, seed)


def answer(
    problem: Problem,
    workload: Workload,
    reference: ReferenceProcess,
    inputs: SharedBuffer,
    offsets: Sequence[int],
    seed: int,
) -> tuple[tuple[Expected, ...], tuple[float, ...]]:
    """What every output must be for the inputs that lie at these offsets, and its error level.

    Args:
        problem: whose tensors.
        workload: the shape.
        reference: computes it.
        inputs: the buffer they lie in.
        offsets: of the inputs, in calling order.
        seed: of the small changes that tell how sensitive the outputs are.

    Raises:
        ReferenceFailed: the reference could not be computed.
    """
    outputs = output_layout(problem, workload)
    targets = []
    for region in outputs.regions:
        wide = max(region.size_bytes, 4 * region.count)
        targets.append((SharedBuffer(wide), SharedBuffer(wide), SharedBuffer(wide)))
    everything = [buffer for group in targets for buffer in group]
    try:
        answers = reference.oracle(workload, inputs, offsets, targets, seed)
        expected = []
        for region, group, (_, otherwise) in zip(outputs.regions, targets, answers, strict=True):
            kind = STORAGE[region.dtype] if region.dtype not in FLOATS else "f8" if region.dtype == "float64" else "f4"
            value, tolerance, other = (
                np.frombuffer(buffer.memory, dtype=dtype, count=region.count).copy()
                for buffer, dtype in zip(group, (kind, kind if region.dtype in FLOATS else "f4", kind), strict=True)
            )
            expected.append(Expected(value, tolerance, other if otherwise else None))
        reference.forget(everything)
    finally:
        for buffer in everything:
            buffer.close()
    return tuple(expected), tuple(level for level, _ in answers)


def inspect(
    buffer: SharedBuffer, layout: Layout, laid: Poison, expected: Sequence[Expected]
) -> tuple[Comparison, Rejection | None]:
    """Guards and every element of one call's outputs.

    Returns:
        The comparison of the worst output, and why the call is rejected, None when it is right.
    """
    broken = overwritten(buffer, layout, laid)
    worst = Comparison(0.0, 0.0, -1)
    for region, wanted, word in zip(layout.regions, expected, laid.words, strict=True):
        found = compare(view(buffer, region), region.dtype, wanted, word)
        if found.guard and not broken:
            return found, (found.guard, f"output {region.name!r}: {found.detail}")
        if found.max_rel_error >= worst.max_rel_error:
            worst = found
    if broken:
        return worst, ("out_of_bounds", f"the kernel wrote {broken}")
    return worst, None
