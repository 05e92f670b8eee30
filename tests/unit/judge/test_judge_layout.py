"""Offsets, guard zones and windows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from warploom.judge.content.layout import GUARD_BYTES, PAGE_BYTES, SLACK_BYTES, input_layout, output_layout, view
from warploom.sandbox.buffers import SharedBuffer
from warploom.values.problem import ITEM_BYTES, Problem, Reference, Tensor, Workload


def problem(dtypes: tuple[str, ...]) -> Problem:
    return Problem(
        name="copy",
        axes=("n",),
        inputs={f"x{i}": Tensor("n 3", dtype) for i, dtype in enumerate(dtypes)},
        outputs={f"y{i}": Tensor("n 3", dtype) for i, dtype in enumerate(dtypes)},
        reference=Reference("copy.py", "copy", ""),
        workloads=[Workload(n=1)],
    )


@given(st.lists(st.sampled_from(sorted(ITEM_BYTES)), min_size=1, max_size=4), st.integers(1, 5000))
def test_tensors_are_aligned_and_apart(dtypes: list[str], n: int) -> None:
    for layout in (
        output_layout(problem(tuple(dtypes)), Workload(n=n)),
        input_layout(problem(tuple(dtypes)), Workload(n=n)),
    ):
        assert all(region.offset % 64 == 0 for region in layout.regions)
        assert all(end - begin >= GUARD_BYTES for begin, end in layout.gaps)
        covered = sum(end - begin for begin, end in layout.gaps) + sum(region.size_bytes for region in layout.regions)
        assert covered == layout.size_bytes


def test_slack_leaves_room_for_windows() -> None:
    plain = input_layout(problem(("float32",)), Workload(n=100_000)).regions[0]
    roomy = input_layout(problem(("float32",)), Workload(n=100_000), slack=True).regions[0]
    assert plain.room_bytes == plain.size_bytes == 1_200_000
    assert roomy.room_bytes == roomy.size_bytes + SLACK_BYTES


def test_a_buffer_has_no_byte_outside_its_layout() -> None:
    """The rest of a last page could be written unseen, and read by the next candidate."""
    for count in (1, 5, 1000, 3413):
        assert output_layout(problem(("float32", "int8")), Workload(n=count)).size_bytes % PAGE_BYTES == 0


def test_a_view_is_the_memory() -> None:
    layout = output_layout(problem(("float32", "int64")), Workload(n=4))
    with SharedBuffer(layout.size_bytes) as buffer:
        view(buffer, layout.regions[1])[:] = 7
        offset = layout.regions[1].offset
        assert buffer.memory[offset : offset + 8] == (7).to_bytes(8, "little")
        assert view(buffer, layout.regions[0]).size == 12
