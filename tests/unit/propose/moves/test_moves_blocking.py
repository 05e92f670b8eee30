"""Register blocks and dot blocks keep results, do no extra work, and offer only sites that apply."""

from __future__ import annotations

import pytest
from snippets_blocking import (
    ATTENTION,
    CONVOLUTION,
    POINTERS,
    PRODUCT,
    TRANSPOSED,
    TURNED,
    WINDOW,
    Snippet,
    batch,
    same,
    sums,
    with_sums,
)

from conftest import Build
from warploom.errors import NotApplicable
from warploom.propose.moves.cpp.blocks.blocking import MOVES, RegisterBlock
from warploom.propose.moves.cpp.blocks.dots import DotBlock
from warploom.syntax.cpp.parse import parse
from warploom.syntax.cpp.render import render
from warploom.values.candidate import Scalar

SIZES = [(1, 1, 1), (6, 64, 3), (13, 79, 5), (7, 17, 2), (5, 113, 33), (16, 9, 35)]
CONV_SIZES = [(1, 1, 3), (2, 3, 19), (3, 7, 37), (1, 13, 66), (2, 33, 5)]
REGISTER, DOT = RegisterBlock(), DotBlock()

BLOCKED: list[tuple[Snippet, str, dict[str, Scalar]]] = [
    (PRODUCT, "f:i:j", {"rows": 6, "vectors": 4}),
    (PRODUCT, "f:i:j", {"rows": 3, "vectors": 1, "outer": "columns"}),
    (PRODUCT, "f:i:j", {"rows": 2, "vectors": 3, "tail": "scalar"}),
    (PRODUCT, "f:i:j", {"rows": 4, "vectors": 2, "outer": "columns", "pack": "panel"}),
    (PRODUCT, "f:j", {"vectors": 2}),
    (POINTERS, "f:i:j", {"rows": 4, "vectors": 2}),
    (POINTERS, "f:i:j", {"rows": 1, "vectors": 4, "outer": "columns"}),
    (TRANSPOSED, "f:i:j", {"rows": 6, "vectors": 2, "outer": "columns", "pack": "panel"}),
    (TRANSPOSED, "f:i:j", {"rows": 2, "vectors": 4, "outer": "columns", "pack": "panel", "tail": "scalar"}),
    (TURNED, "f:i:j", {"rows": 4, "vectors": 2}),
    (TURNED, "f:j:i", {"rows": 4, "vectors": 1, "pack": "panel", "outer": "columns"}),
    (CONVOLUTION, "f:f:z", {"rows": 4, "vectors": 2}),
    (CONVOLUTION, "f:z:f", {"rows": 5, "vectors": 1, "outer": "columns", "pack": "panel"}),
    (WINDOW, "f:y:z", {"rows": 2, "vectors": 2, "outer": "rows"}),
    (ATTENTION, "f:d2", {"vectors": 4}),
]
DOTTED: list[tuple[Snippet, str, dict[str, Scalar]]] = [
    (TRANSPOSED, "f:p", {"vectors": 2}),
    (TRANSPOSED, "f:j:p", {"rows": 4}),
    (TRANSPOSED, "f:i:p", {"rows": 2, "vectors": 4}),
    (ATTENTION, "f:t:d", {"rows": 4, "vectors": 2}),
]


def sizes(snippet: Snippet) -> list[tuple[int, int, int]]:
    return CONV_SIZES if snippet in (CONVOLUTION,) else [(p, h + 1, w + 2) for p, h, w in SIZES]


def test_blocks_keep_results(build: Build) -> None:
    made = [(s, render(REGISTER.apply(parse(s.text), label, p))) for s, label, p in BLOCKED]
    made += [(s, render(DOT.apply(parse(s.text), label, p))) for s, label, p in DOTTED]
    assert all("f32x16" in text for _, text in made)
    kernels = batch(build, [text for snippet, after in made for text in (snippet.text, after)])
    for number, (snippet, _) in enumerate(made):
        same(kernels[2 * number], kernels[2 * number + 1], [snippet.case(*size) for size in sizes(snippet)])


@pytest.mark.parametrize(
    ("snippet", "label", "parameters", "size"),
    [
        (PRODUCT, "f:i:j", {"rows": 6, "vectors": 4}, (14, 144, 31)),
        (PRODUCT, "f:i:j", {"rows": 6, "vectors": 2, "outer": "columns"}, (13, 79, 31)),
        (TRANSPOSED, "f:i:j", {"rows": 4, "vectors": 2, "outer": "columns", "pack": "panel"}, (64, 96, 33)),
    ],
)
def test_register_block_does_no_extra_work(
    snippet: Snippet,
    label: str,
    parameters: dict[str, Scalar],
    size: tuple[int, int, int],
    build: Build,
) -> None:
    unit = parse(snippet.text)
    libraries = build([with_sums(unit), with_sums(REGISTER.apply(unit, label, parameters))])
    before, after = (sums(library, snippet.case(*size)) for library in libraries)
    rows, columns, inner = size
    # A last block may reach back over at most fifteen columns; a panel is filled once.
    overlap = rows * inner * (-columns % 16)
    panel = columns * inner if parameters.get("pack") == "panel" else 0
    assert before == rows * columns * inner
    assert before <= after <= before + overlap + panel


def test_dot_block_does_no_extra_work(build: Build) -> None:
    unit = parse(TRANSPOSED.text)
    libraries = build([with_sums(unit), with_sums(DOT.apply(unit, "f:j:p", {"rows": 4}))])
    before, after = (sums(library, TRANSPOSED.case(5, 11, 37)) for library in libraries)
    assert before == after == 5 * 11 * 37


@pytest.mark.parametrize("snippet", [PRODUCT, POINTERS, TRANSPOSED, TURNED, CONVOLUTION, WINDOW, ATTENTION])
def test_every_offered_site_applies_and_reads_back(snippet: Snippet) -> None:
    unit = parse(snippet.text)
    for move in MOVES:
        for site in move.sites(unit):
            made = move.apply(unit, site.label, {name: values[0] for name, values in site.choices.items()})
            assert made != unit
            assert parse(render(made)) == made


def test_sites_name_both_operand_layouts() -> None:
    labels = {site.label: site.choices for site in REGISTER.sites(parse(PRODUCT.text))}
    assert labels["f:i:j"]["pack"] == ["none", "panel"]
    turned = {site.label: site.choices for site in REGISTER.sites(parse(TRANSPOSED.text))}
    assert turned["f:i:j"]["pack"] == ["panel"]


def test_accumulators_that_do_not_fit_are_declined() -> None:
    with pytest.raises(NotApplicable, match="do not fit"):
        REGISTER.apply(parse(PRODUCT.text), "f:i:j", {"rows": 8, "vectors": 4})


def test_a_block_of_accumulators_has_explicit_variables() -> None:
    text = render(REGISTER.apply(parse(PRODUCT.text), "f:i:j", {"rows": 3, "vectors": 2}))
    for row in range(3):
        for vector in range(2):
            assert f"f32x16 sum_{row}_v{vector} = splat16(0.0f);" in text


def test_something_between_the_loops_is_declined() -> None:
    text = PRODUCT.text.replace("for (int64_t j", "out[0] = 1.0f;\n for (int64_t j")
    with pytest.raises(NotApplicable, match="stands between"):
        REGISTER.apply(parse(text), "f:i:j", {})


def test_a_panel_that_no_row_would_use_again_is_declined() -> None:
    with pytest.raises(NotApplicable, match="used again"):
        REGISTER.apply(parse(TRANSPOSED.text), "f:i:j", {"pack": "panel", "outer": "rows"})
