"""What a reference reads of its inputs, counted in elements that are known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn import functional

from warploom.judge.reference.reads import read_bytes

TABLE = torch.randn(100, 64)
WHOLE = 100 * 64 * 4
ROWS = torch.tensor([1, 1, 2, 3, 4, 5, 6, 7])
SEVEN = 7 * 64 * 4 + 8 * 8
"""Seven different rows, and eight row numbers."""


@pytest.mark.parametrize(
    "call",
    [
        lambda table, rows: functional.embedding(rows, table),
        lambda table, rows: table[rows],
        lambda table, rows: table.index_select(0, rows),
        lambda table, rows: table.gather(0, rows[:, None].expand(8, 64)),
        lambda table, rows: functional.embedding(rows, table).softmax(-1),
        lambda table, rows: functional.embedding_bag(rows[None], table),
    ],
    ids=["embedding", "index", "index_select", "gather", "more", "embedding_bag"],
)
def test_a_lookup_reads_the_rows_that_it_names_once(call: Callable[..., Any]) -> None:
    assert read_bytes(call, (TABLE, ROWS)) == SEVEN


@pytest.mark.parametrize(
    ("call", "read"),
    [
        (lambda table: table[:, :3] * 2, 100 * 3 * 4),
        (lambda table: table[::2].sum() + table[:4].sum(), 52 * 64 * 4),
        (lambda table: table.T[0].exp(), 100 * 4),
        (lambda table: table[3].expand(5, 64).contiguous(), 64 * 4),
        (lambda table: torch.zeros_like(table) + table[0], 64 * 4),
        (lambda table: torch.zeros(table.shape), 0),
        (lambda table: table.view(torch.int32)[:, :2].sum(), 100 * 2 * 4),
        (lambda table: table.unfold(1, 3, 1).sum(), WHOLE),
        (lambda table: table.softmax(-1), WHOLE),
        (lambda table: table @ table.T, WHOLE),
        (lambda table: table.view(torch.int16)[:, :2].sum(), WHOLE),
        (lambda table: functional.scaled_dot_product_attention(*[table[None, None]] * 3), WHOLE),
    ],
    ids=[
        "slice",
        "union",
        "column",
        "expand",
        "like",
        "none",
        "bits",
        "windows",
        "rows",
        "product",
        "cut",
        "attention",
    ],
)
def test_elements_are_counted_that_an_operator_reads(call: Callable[..., Any], read: int) -> None:
    assert read_bytes(call, (TABLE,)) == read


def test_a_view_that_is_returned_is_read() -> None:
    assert read_bytes(lambda table: table.T, (TABLE,)) == WHOLE
    assert read_bytes(lambda table: (table[:2], table[1:3]), (TABLE,)) == 3 * 64 * 4


def test_the_part_of_a_lookup_in_a_view_is_found() -> None:
    assert read_bytes(lambda table, rows: table[10:20, 32:][rows], (TABLE, ROWS)) == 7 * 32 * 4 + 8 * 8


def test_what_cannot_be_looked_up_by_number_is_read_whole() -> None:
    mask = torch.zeros(100, dtype=torch.bool)
    mask[5] = True
    assert read_bytes(lambda table, wanted: table[wanted], (TABLE, mask)) == 64 * 4 + 100
    half = TABLE.half()
    assert read_bytes(lambda table, rows: table.view(torch.int32)[rows], (half, ROWS)) == 100 * 64 * 2 + 8 * 8
