"""Index sets are split where their bounds checks settle."""

from __future__ import annotations

import pytest
from snippets_blocking import Snippet, batch, same, sums, with_sums

from conftest import Build
from warploom.errors import NotApplicable
from warploom.propose.moves.cpp.loops.padding import MOVES, SplitIndices
from warploom.syntax.cpp.parse import parse
from warploom.syntax.cpp.query import find_loop, names_in
from warploom.syntax.cpp.render import render
from warploom.syntax.cpp.tree import Expression, If, Ternary
from warploom.syntax.cpp.walk import Statements, all_parts, walk

SPLIT = SplitIndices()
HEAD = (
    'extern "C" void f(const float* x, const float* w, float* out, int64_t planes, int64_t height, int64_t width) {\n'
)
SIZES = [(1, 1, 1), (2, 1, 5), (1, 7, 2), (2, 5, 19), (3, 4, 33)]


def arrays(planes: int, height: int, width: int) -> tuple[int, ...]:
    return planes * height * width, planes * 9, planes * height * width


CHECKED = Snippet(
    HEAD
    + """    for (int64_t p = 0; p < planes; ++p) {
        for (int64_t y = 0; y < height; ++y) {
            for (int64_t z = 0; z < width; ++z) {
                float sum = 0.0f;
                for (int64_t u = 0; u < 3; ++u) {
                    for (int64_t v = 0; v < 3; ++v) {
                        const int64_t row = y + u - 1;
                        const int64_t col = z + v - 1;
                        if (row >= 0 && row < height && col >= 0 && col < width) {
                            sum += x[(p * height + row) * width + col] * w[(p * 3 + u) * 3 + v];
                        }
                    }
                }
                out[(p * height + y) * width + z] = sum;
            }
        }
    }
}
""",
    arrays,
)
SKIPPING = Snippet(
    HEAD
    + """    for (int p = 0; p < planes; p++)
        for (int y = 0; y < height; y++)
            for (int z = 0; z < width; z++) {
                float sum = 0;
                for (int u = -1; u <= 1; u++) {
                    if (y + u < 0 || y + u >= height) continue;
                    const float* line = x + (p * height + y + u) * width;
                    for (int v = -1; v <= 1; v++) {
                        sum += (z + v >= 0 && z + v < width ? line[z + v] : 0.0f) * w[(p * 3 + u + 1) * 3 + v + 1];
                    }
                }
                out[(p * height + y) * width + z] = sum;
            }
}
""",
    arrays,
)
STRIDED = Snippet(
    HEAD
    + """    for (int64_t z = 0; z < width; ++z) {
        float sum = 0.0f;
        for (int64_t v = 0; v < 4; ++v) {
            const int64_t at = z * 3 + v - 2;
            if (at >= 0 && at < width * 2) {
                sum += x[at % width] * w[v];
            }
        }
        out[z] = sum;
    }
}
""",
    arrays,
)


def test_split_keeps_results(build: Build) -> None:
    cases = [(s, label) for s in (CHECKED, SKIPPING) for label in ("f:y", "f:z")] + [(STRIDED, "f:z")]
    texts = [text for s, label in cases for text in (s.text, render(SPLIT.apply(parse(s.text), label, {})))]
    both = render(SPLIT.apply(SPLIT.apply(parse(CHECKED.text), "f:z", {}), "f:y", {}))
    kernels = batch(build, [*texts, CHECKED.text, both])
    for number, snippet in enumerate([*(s for s, _ in cases), CHECKED]):
        same(kernels[2 * number], kernels[2 * number + 1], [snippet.case(*size) for size in SIZES])


@pytest.mark.parametrize("snippet", [CHECKED, SKIPPING])
def test_the_interior_has_no_check_left_on_its_index(snippet: Snippet) -> None:
    for variable in ("y", "z"):
        unit = SPLIT.apply(parse(snippet.text), f"f:{variable}", {})
        found = find_loop(unit, f"f:{variable}")
        assert found is not None
        assert not any(variable in names_in(condition) for condition in conditions(found.loop.body))
        border = find_loop(unit, f"f:{variable}_b")
        assert border is not None
        assert any(f"{variable}_b" in names_in(condition) for condition in conditions(border.loop.body))


def conditions(body: Statements) -> list[Expression]:
    found = [s.condition for s in walk(body) if isinstance(s, If)]
    return found + [part.condition for part in all_parts(body) if isinstance(part, Ternary)]


def test_split_does_no_extra_work(build: Build) -> None:
    unit = parse(CHECKED.text)
    libraries = build([with_sums(unit), with_sums(SPLIT.apply(unit, "f:z", {}))])
    before, after = (sums(library, CHECKED.case(2, 5, 19)) for library in libraries)
    assert before == after == 2 * 5 * 19 * 9


def test_only_checked_loops_are_offered() -> None:
    # Splitting the window's own loops clamps their ranges instead.
    assert [site.label for site in SPLIT.sites(parse(CHECKED.text))] == ["f:y", "f:z", "f:u", "f:v"]
    for move in MOVES:
        for site in move.sites(parse(CHECKED.text)):
            made = move.apply(parse(CHECKED.text), site.label, {n: v[0] for n, v in site.choices.items()})
            assert parse(render(made)) == made
    with pytest.raises(NotApplicable, match="nothing"):
        SPLIT.apply(parse(CHECKED.text), "f:p", {})
