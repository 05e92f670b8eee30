"""Groups and rows share loads; slabs are packed and unpacked; reductions go in strips: same results, no extra work."""

from __future__ import annotations

import numpy as np
import pytest
from snippets_blocking import (
    ATTENTION,
    BYTES,
    CONVOLUTION,
    PRODUCT,
    TRANSPOSED,
    Case,
    Snippet,
    batch,
    same,
    sums,
    with_sums,
)

from conftest import Build
from warploom.errors import NotApplicable
from warploom.propose.moves.cpp.blocks.sharing import ShareGroup, ShareRows
from warploom.propose.moves.cpp.book import MOVES
from warploom.propose.moves.cpp.memory.packing import Pack
from warploom.propose.moves.cpp.memory.unpack import Unpack
from warploom.propose.moves.cpp.sums.strips import StripReduction
from warploom.syntax.cpp.parse import parse
from warploom.syntax.cpp.render import render
from warploom.values.candidate import Scalar, Step

BOOK = {move.name: move for move in MOVES}
# The same group with an explicit remainder, and a pointer a head.
MODULO = Snippet(
    ATTENTION.text.replace("q[h * dim + d]", "q[(h / group * group + h % group) * dim + d]"), ATTENTION.arrays
)
BYTES_PRODUCT = Snippet(
    """extern "C" void f(const float* x, const int8_t* w, float* out, int64_t m, int64_t n, int64_t k) {
    for (int64_t i = 0; i < m; ++i)
        for (int64_t j = 0; j < n; ++j) {
            float sum = 0;
            for (int64_t p = 0; p < k; ++p) sum += x[i * k + p] * static_cast<float>(w[j * k + p]);
            out[i * n + j] = sum;
        }
}
""",
    lambda m, n, k: (m * k, n * k, m * n),
)


def bytes_case(snippet: Snippet, place: int, sizes: tuple[int, int, int]) -> Case:
    case = snippet.case(*sizes)
    array = case[place]
    assert isinstance(array, np.ndarray)
    case[place] = np.random.default_rng(3).integers(-128, 128, array.shape).astype(np.int8)
    return case


def steps(*listed: tuple[str, str, dict[str, Scalar]]) -> list[Step]:
    return [Step(move, site, tuple(parameters.items())) for move, site, parameters in listed]


RECIPES: list[tuple[Snippet, list[Step]]] = [
    (ATTENTION, steps(("share_group", "f:h", {"rows": 3}))),
    (MODULO, steps(("share_group", "f:h", {"rows": 2}))),
    (
        ATTENTION,
        steps(
            ("share_group", "f:h", {"rows": 3}),
            ("strip_reduction", "f:d2:t3", {"depth": 4}),
            ("dot_block", "f:d", {"vectors": 2}),
            ("register_block", "f:d2", {"vectors": 8}),
        ),
    ),
    (ATTENTION, steps(("share_rows", "f:h", {"rows": 4}))),
    (PRODUCT, steps(("strip_reduction", "f:j:p", {"depth": 3}))),
    (PRODUCT, steps(("strip_reduction", "f:j:p", {"depth": 64}), ("register_block", "f:j", {"vectors": 2}))),
    (TRANSPOSED, steps(("pack", "f:i:w", {"inner": "j"}), ("register_block", "f:i:j", {"rows": 3, "vectors": 2}))),
]
SIZES = [(1, 1, 1), (7, 19, 5), (3, 5, 70), (9, 2, 33)]


def carried_out(snippet: Snippet, recipe: list[Step]) -> str:
    unit = parse(snippet.text)
    for step in recipe:
        unit = BOOK[step.move].apply(unit, step.site, dict(step.parameters))
    return render(unit)


def test_results_stay(build: Build) -> None:
    texts = [text for snippet, recipe in RECIPES for text in (snippet.text, carried_out(snippet, recipe))]
    bytes_made = [render(Unpack().apply(parse(BYTES_PRODUCT.text), "f:i:w", {})), fused(BYTES)]
    kernels = batch(build, [*texts, BYTES_PRODUCT.text, bytes_made[0], BYTES.text, bytes_made[1]])
    for number, (snippet, _) in enumerate(RECIPES):
        same(kernels[2 * number], kernels[2 * number + 1], [snippet.case(*size) for size in SIZES], 5e-5)
    for number, (snippet, place) in enumerate(((BYTES_PRODUCT, 1), (BYTES, 0)), start=len(RECIPES)):
        cases = [bytes_case(snippet, place, size) for size in SIZES]
        same(kernels[2 * number], kernels[2 * number + 1], cases, 5e-4)


def fused(snippet: Snippet) -> str:
    text = render(BOOK["dot_block"].apply(parse(snippet.text), "f:i:j", {"rows": 2, "vectors": 2}))
    assert "load16(w" in text
    return text


@pytest.mark.parametrize(
    ("snippet", "recipe", "copied"),
    [
        (ATTENTION, steps(("share_group", "f:h", {"rows": 3})), 0),
        (ATTENTION, steps(("share_rows", "f:h", {"rows": 2})), 0),
        (PRODUCT, steps(("strip_reduction", "f:j:p", {"depth": 4})), 2 * 7 * 19),
        (TRANSPOSED, steps(("pack", "f:i:w", {"inner": "j"})), 19 * 5),
    ],
)
def test_no_extra_work(snippet: Snippet, recipe: list[Step], copied: int, build: Build) -> None:
    libraries = build([with_sums(parse(snippet.text)), with_sums(parse(carried_out(snippet, recipe)))])
    before, after = (sums(library, snippet.case(7, 19, 5)) for library in libraries)
    assert before <= after <= before + copied


def test_what_depends_on_the_group_alone_stands_once() -> None:
    text = render(ShareGroup().apply(parse(ATTENTION.text), "f:h", {"rows": 3}))
    block = text[: text.index("h_m2")]
    assert "float dot_2" in block
    assert block.count("for (int64_t d = 0") == 1
    assert "h / group" not in text


@pytest.mark.parametrize("snippet", [ATTENTION, MODULO, PRODUCT, TRANSPOSED, CONVOLUTION, BYTES, BYTES_PRODUCT])
def test_every_offered_site_applies_and_reads_back(snippet: Snippet) -> None:
    unit = parse(snippet.text)
    for move in (ShareGroup(), ShareRows(), StripReduction(), Pack(), Unpack()):
        for site in move.sites(unit):
            made = move.apply(unit, site.label, {name: values[0] for name, values in site.choices.items()})
            assert made != unit
            assert parse(render(made)) == made


def test_offers() -> None:
    def offered(move: ShareGroup | ShareRows | StripReduction | Pack | Unpack, snippet: Snippet) -> list[str]:
        return [site.label for site in move.sites(parse(snippet.text))]

    assert offered(ShareGroup(), ATTENTION) == ["f:h"]
    assert offered(ShareGroup(), PRODUCT) == []
    assert offered(ShareRows(), ATTENTION) == ["f:h"]
    assert offered(StripReduction(), PRODUCT) == ["f:j:p"]
    assert offered(StripReduction(), TRANSPOSED) == []
    assert offered(Pack(), TRANSPOSED) == ["f:i:w"]
    assert offered(Pack(), PRODUCT) == []
    assert offered(Unpack(), BYTES_PRODUCT) == ["f:i:w"]
    assert offered(Unpack(), BYTES) == []


def test_a_group_that_changes_in_the_loop_is_declined() -> None:
    text = ATTENTION.text.replace("const int64_t group = 3;", "int64_t group = 3;").replace(
        "float top = -INFINITY;", "float top = -INFINITY; group += 0;"
    )
    with pytest.raises(NotApplicable, match="fixed number"):
        ShareGroup().apply(parse(text), "f:h", {"rows": 2})


def test_copies_that_would_write_to_the_same_scratch_are_declined() -> None:
    packed = """
extern "C" void f(const float* x, float* out, int64_t n, int64_t m) {
    for (int64_t h = 0; h < n; ++h) {
        float* row = scratch_of(m);
        for (int64_t t = 0; t < m; ++t) {
            row[t] = x[h * m + t];
        }
        for (int64_t i = 0; i < m; ++i) {
            float sum = 0.0f;
            for (int64_t t2 = 0; t2 < m; ++t2) {
                sum += row[t2] * x[h * m + i];
            }
            out[h * m + i] = sum;
        }
    }
}
"""
    labels = [site.label for site in ShareRows().sites(parse(packed))]
    assert "f:h" not in labels
    with pytest.raises(NotApplicable, match="memory behind row"):
        ShareRows().apply(parse(packed), "f:h", {"rows": 2})
