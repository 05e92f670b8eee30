"""Questions about a tree: loops, names, strides, integer algebra."""

from __future__ import annotations

import pytest

from warploom.syntax.cpp import affine, query, walk
from warploom.syntax.cpp.parse import parse
from warploom.syntax.cpp.render import render, render_expression
from warploom.syntax.cpp.tree import (
    Assign,
    Comment,
    Declare,
    Evaluate,
    Expression,
    Function,
    Index,
    Loop,
    Name,
    Number,
    RawExpression,
    Statement,
)

SOURCE = """
static void helper(float* y) { y[0] = 1; }
extern "C" void f(const float* x, const float* w, float* out, int64_t rows, int64_t cols) {
    float total = 0;
    for (int64_t i = 0; i < rows; ++i) {
        const float* row = x + i * cols;
        const int64_t base = i * cols + 3;
        float acc[4];
        int64_t moving = 0;
        for (int64_t j = 0; j < cols; ++j) {
            out[base + 2 * j] = row[j * 4 + 1] + (&x[i])[j] + x[(i * rows + 2) * cols + j * cols];
            out[j * j] = w[j / 2] + w[(int64_t)j] + w[-j] + acc[j] + x[moving];
            total += w[i];
            moving += 1;
        }
    }
    while (rows > 0) { out[rows] = total; }
    store16(out + 3, load16(x));
}
"""
UNIT = parse(SOURCE)
F = UNIT.function("f")


def expression(text: str) -> Expression:
    (statement,) = parse(f"void g() {{ a[0] = {text}; }}").functions[0].body
    assert isinstance(statement, Assign)
    return statement.value


def test_loops_have_labels_and_paths() -> None:
    outer, inner = query.loops(F)
    assert (outer.label, inner.label) == ("f:i", "f:j")
    assert inner.path == (outer.loop,)
    assert query.find_loop(UNIT, "f:j") == inner
    assert query.find_loop(UNIT, "f:j:detail") == inner
    assert query.find_loop(UNIT, "f:k") is None
    assert query.find_loop(UNIT, "g:j") is None
    assert query.is_innermost(inner.loop)
    assert not query.is_innermost(outer.loop)
    assert query.inner_loops(outer.loop) == [inner.loop]
    assert [place.label for place in query.all_loops(UNIT)] == ["f:i", "f:j"]


def test_replace_loop() -> None:
    changed = query.replace_loop(UNIT, "f:j", (Comment("gone"),))
    assert "// gone" in render(changed)
    assert query.find_loop(changed, "f:j") is None
    assert query.find_loop(changed, "f:i") is not None


def test_names() -> None:
    (_, inner) = query.loops(F)
    assert query.names_written(inner.loop.body) == {"out", "total", "moving"}
    assert query.names_read(inner.loop.body) >= {"row", "base", "total", "moving", "acc", "w"}
    assert "moving" not in query.names_read((Assign(Name("moving"), "=", Number("0")),))
    assert query.names_declared(F.body) == {"total", "i", "row", "base", "acc", "moving", "j"}
    assert {"rows", "out", "total"} <= query.names_written(F.body[-2:])
    assert query.names_written(F.body[-1:]) == {"out"}
    call = Evaluate(expression("other(a, &b, c + 1)"))
    assert query.names_written((call,)) == {"a", "b", "c"}
    assert query.names_written((Evaluate(RawExpression("v.push_back(k)")),)) >= {"v", "k"}
    assert query.uses(F.body, "acc")
    assert not query.uses(F.body, "cats")
    assert {"load16", "store16", "rows", "f"} - {"f"} <= query.all_names(F)
    taken = {"a", "a2", "b2"}
    assert [query.fresh(name, taken) for name in ("a", "b", "b2", "b")] == ["a3", "b", "b2_2", "b3"]
    assert {"helper", "f", "moving"} <= query.unit_names(UNIT)


def test_types_and_pointers() -> None:
    assert query.type_of("x", F) == "const float*"
    assert query.type_of("i", F) == "int64_t"
    assert query.type_of("acc", F) == "float"
    assert query.type_of("load16", F) is None
    assert query.pointer_roots(F) == {"row": "x"}
    assert query.assigned_once("row", F)
    assert not query.assigned_once("moving", F)
    assert affine.is_integer("base", F)
    assert not affine.is_integer("total", F)


def accesses() -> dict[str, Index]:
    return {render_expression(part): part for part in walk.all_parts(F.body) if isinstance(part, Index)}


@pytest.mark.parametrize(
    ("access", "i", "j"),
    [
        ("out[base + 2 * j]", "cols", "2"),
        ("row[j * 4 + 1]", "cols", "4"),
        ("(&x[i])[j]", "1", "1"),
        ("x[(i * rows + 2) * cols + j * cols]", "rows * cols", "cols"),
        ("out[j * j]", "0", None),
        ("w[j / 2]", "0", None),
        ("w[(int64_t)j]", "0", "1"),
        ("w[-j]", "0", "-1"),
        ("w[i]", "1", "0"),
        ("x[moving]", None, None),
    ],
)
def test_strides(access: str, i: str | None, j: str | None) -> None:
    found = [affine.stride(accesses()[access], variable, F) for variable in ("i", "j")]
    assert [None if step is None else render_expression(step) for step in found] == [i, j]


@pytest.mark.parametrize(
    ("text", "simple"),
    [
        ("0 * a + 1 * b", "b"),
        ("a + 0 - 0", "a"),
        ("2 * 3 + 4 / 2 - 7 % 4", "5"),
        ("a * 1 / 1", "a"),
        ("a + 1 + 2", "a + 3"),
        ("a + 3 - 3", "a"),
        ("a - 1 - 2", "a - 3"),
        ("a + b - b", "a"),
        ("a + b - a", "b"),
        ("a - a", "0"),
        ("1 - 3", "-2"),
        ("0.0f + a", "0.0f + a"),
        ("a * 0.0f", "a * 0.0f"),
        ("-(-a)", "a"),
        ("(0 - 7) / 2", "-7 / 2"),
    ],
)
def test_simplify(text: str, simple: str) -> None:
    assert render_expression(affine.simplify(expression(text))) == simple


def test_distance() -> None:
    assert affine.distance(expression("i * cols + j + 1"), expression("j + cols * i")) == 1
    assert affine.distance(expression("(i + 2) * 4"), expression("4 * i")) == 8
    assert affine.distance(expression("(i + 1) * cols"), expression("i * cols")) is None
    assert affine.distance(expression("f(i) + 2"), expression("2 + f(i)")) == 0
    assert affine.distance(expression("-a"), expression("(int)a - 2 * a - 5")) == 5


def test_depends_looks_through_locals() -> None:
    assert affine.depends(Name("row"), "i", F)
    assert not affine.depends(Name("row"), "j", F)
    assert affine.depends(Name("moving"), "j", F)


def test_substitute_and_rewrite() -> None:
    inside = "for (int j = 0; j < n; ++j) { float t = x[j]; y.z(t, j); out[t] = j; }"
    (loop,) = parse(f"void g() {{\n#pragma omp simd reduction(+:t)\n{inside} }}").functions[0].body
    assert isinstance(loop, Loop)
    swapped = walk.substitute((loop,), {"j": Name("k"), "n": Number("8"), "t": Name("u")})
    (made,) = swapped
    text = render(parse(f"void g() {{\n{_shown(swapped)}\n}}"))
    assert isinstance(made, Loop)
    assert made.variable == "k"
    assert "float u = x[k];" in text
    assert "y.z(u, k)" in text
    assert "reduction(+:u)" in text
    assert "k < 8" in text
    dropped = walk.rewrite((loop,), lambda statement: () if isinstance(statement, Declare) else None)
    assert "float t" not in _shown(dropped)
    assert walk.map_statements((loop,), lambda part: part) == (loop,)


def _shown(statements: tuple[Statement, ...]) -> str:
    from warploom.syntax.cpp.render import render_statements

    return render_statements(statements)


def test_with_function_replaces_by_name() -> None:
    changed = walk.with_function(UNIT, Function("helper", "void", (), ()))
    assert changed.function("helper").parameters == ()
    assert changed.function("f") == F
