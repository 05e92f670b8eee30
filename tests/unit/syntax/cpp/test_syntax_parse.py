"""C++ to tree and back."""

from __future__ import annotations

from pathlib import Path

import pytest

import warploom
from warploom.syntax.cpp.parse import parse
from warploom.syntax.cpp.render import render, render_expression, render_statements
from warploom.syntax.cpp.tree import (
    Assign,
    Binary,
    Block,
    Call,
    Cast,
    Comment,
    Declare,
    Evaluate,
    Expression,
    Function,
    If,
    Index,
    Loop,
    Name,
    Number,
    Parameter,
    RawExpression,
    RawItem,
    RawStatement,
    Return,
    Statement,
    Unary,
)

SEEDS = sorted(Path(warploom.__file__).parent.glob("problems/catalog/*/seed.cpp"))


def body(text: str) -> tuple[Statement, ...]:
    unit = parse(f"void f(const float* x, float* out, int64_t n) {{\n{text}\n}}")
    assert parse(render(unit)) == unit
    return unit.functions[0].body


def value(text: str) -> Expression:
    (statement,) = body(f"out[0] = {text};")
    assert isinstance(statement, Assign)
    return statement.value


@pytest.mark.parametrize("path", SEEDS, ids=lambda path: path.parent.name)
def test_every_seed_comes_back_the_same(path: Path) -> None:
    unit = parse(path.read_text())
    text = render(unit)
    assert parse(text) == unit
    assert render(parse(text)) == text
    assert any(isinstance(item, Function) for item in unit.items)


def test_top_level() -> None:
    source = """
#include <cmath>
#define SIZE 4
TUNE(BLOCK, 64, 32, 64)
typedef float f32x16 __attribute__((vector_size(64)));
static const int table[] = {1, 2};
// what it does
template <int N>
static inline __attribute__((always_inline)) const float* first(const float *__restrict__ p, int n) { return p; }
static __attribute__((noinline)) void second(void) {}
namespace { float third() { return 1.0f; } }
extern "C" void fourth(uint16_t* x, const unsigned char& y) {}
struct Pair { int a; };
int fifth(int n, ...) { return n; }
"""
    unit = parse(source)
    assert parse(render(unit)) == unit
    first, second, third, fourth = unit.functions
    assert first.prefix == "template <int N>\nstatic inline __attribute__((always_inline))"
    assert (first.result, first.name) == ("const float*", "first")
    assert first.parameters == (Parameter("const float* __restrict__", "p"), Parameter("int", "n"))
    assert (second.prefix, second.parameters) == ("static __attribute__((noinline))", (Parameter("void", ""),))
    assert third.name == "third"
    assert (fourth.prefix, fourth.parameters[1]) == ('extern "C"', Parameter("const unsigned char&", "y"))
    raw = [item.text for item in unit.items if isinstance(item, RawItem)]
    assert "TUNE(BLOCK, 64, 32, 64)" in raw
    assert "typedef float f32x16 __attribute__((vector_size(64)));" in raw
    assert "namespace {" in raw
    assert "struct Pair { int a; };" in raw
    assert any(text.startswith("int fifth") for text in raw)


def test_loops_become_canonical() -> None:
    text = """
    for (int i = 0; i <= n - 1; i++) out[i] = 0;
    for (size_t i = 2; i <= n; i += 4) { out[i] = 1; }
    for (int64_t i = 0; i < n; i = i + 2) out[i] = 2;
    for (int i = n; i > 0; --i) out[i] = 3;
    for (int i = 0; i < n; ++i) ;
    """
    first, second, third, fourth, fifth = body(text)
    assert first == Loop(
        "i", Number("0"), Name("n"), (Assign(Index(Name("out"), Name("i")), "=", Number("0")),), type="int"
    )
    assert isinstance(second, Loop)
    assert second.upper == Binary("+", Name("n"), Number("1"))
    assert (second.variable, second.step, second.type) == ("i2", Number("4"), "size_t")
    assert isinstance(third, Loop)
    assert third.step == Number("2")
    assert isinstance(fourth, RawStatement)
    assert isinstance(fifth, Loop)
    assert fifth.body == ()


def test_names_are_unique_within_a_function() -> None:
    text = """
    for (int i = 0; i < n; ++i) { float s = 0; s += x[i]; }
    for (int i = 0; i < n; ++i) { float s = 1; { float s = 2; out[i] = s; } out[i] += s; while (s > 0) { s -= i; } }
    float s2 = 3;
    """
    rendered = render_statements(body(text))
    assert "for (int i2 = 0; i2 < n; ++i2)" in rendered
    assert "float s3 = 1;" in rendered  # s2 is spoken for by the text itself
    assert "out[i2] = s4;" in rendered
    assert "out[i2] += s3;" in rendered
    assert "s3 -= i2;" in rendered
    assert "float s2 = 3;" in rendered


def test_declarations() -> None:
    text = """
    const float *row = x + n * 4, *end = row;
    float a = 0, b[3][4] = {}, c;
    alignas(64) static float buffer[16];
    float* __restrict__ o = out;
    std::vector<float> v(n);
    int k{3};
    """
    row, end, a, b, c, buffer, o, v, k = body(text)
    assert row == Declare("const float*", "row", Binary("+", Name("x"), Binary("*", Name("n"), Number("4"))))
    assert end == Declare("const float*", "end", Name("row"))
    assert (a, c) == (Declare("float", "a", Number("0")), Declare("float", "c"))
    assert b == Declare("float", "b", RawExpression("{}"), (Number("3"), Number("4")))
    assert buffer == Declare("alignas(64) static float", "buffer", None, (Number("16"),))
    assert o == Declare("float* __restrict__", "o", Name("out"))
    assert (v, k) == (RawStatement("std::vector<float> v(n);"), RawStatement("int k{3};"))


def test_statements() -> None:
    text = """
    #pragma omp simd \\
        reduction(+:a)
    for (int i = 0; i < n; ++i) { out[i] = 0; }
    #pragma omp parallel
    { out[0] = 1; }
    #pragma GCC ivdep
    out[1] = 2;
    if (n > 3) out[0] = 1; else if (n > 2) { out[0] = 2; } else out[0] = 3;
    out[2] <<= 1; n++; --out[3];
    f(x, out, n); // trailing
    /* two
     * lines */
    return;
    """
    loop, block, pragma, two, branch, shift, up, down, call, trailing, one, other, back = body(text)
    assert isinstance(loop, Loop)
    assert loop.pragmas == ("omp simd reduction(+:a)",)
    assert isinstance(block, Block)
    assert block.pragmas == ("omp parallel",)
    assert (pragma, two) == (
        RawStatement("#pragma GCC ivdep"),
        Assign(Index(Name("out"), Number("1")), "=", Number("2")),
    )
    assert isinstance(branch, If)
    assert isinstance(branch.otherwise[0], If)
    third = Index(Name("out"), Number("2"))
    assert shift == Assign(third, "=", Binary("<<", third, Number("1")))
    assert (up, down) == (
        Assign(Name("n"), "+=", Number("1")),
        Assign(Index(Name("out"), Number("3")), "-=", Number("1")),
    )
    assert call == Evaluate(Call("f", (Name("x"), Name("out"), Name("n"))))
    assert [trailing, one, other] == [Comment("trailing"), Comment("two"), Comment("lines")]
    assert back == Return()


@pytest.mark.parametrize(
    "text",
    [
        "while (n > 0) { n -= 1; }", "goto end;", "for (auto v : x) { out[0] = v; }", "int a = b = 3;", "a = b = 3;",
        "switch (n) { case 1: break; }", "for (int i = 0, j = 0; i < n; ++i) { }", "out++->y = 3;", "asm volatile(\"\");",
    ],
)  # fmt: skip
def test_what_lies_outside_the_subset_keeps_its_text(text: str) -> None:
    (statement,) = body(text)
    assert isinstance(statement, RawStatement | Declare)
    assert text.split()[0] in render_statements((statement,))


def test_raw_statements_keep_their_shape() -> None:
    (raw,) = body("        while (n) {\n            if (n)\n                n -= 1;\n        }")
    assert raw == RawStatement("while (n) {\n    if (n)\n        n -= 1;\n}")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a + (b + c)", "a + (b + c)"),
        ("(a + b) + c", "a + b + c"),
        ("a - (b - c)", "a - (b - c)"),
        ("a * (b + c) % d", "a * (b + c) % d"),
        ("(a < b) == (c < d)", "a < b == c < d"),
        ("a & b | c ^ d", "a & b | c ^ d"),
        ("a & (b | c)", "a & (b | c)"),
        ("!(a && b) || c", "!(a && b) || c"),
        ("-(-a)", "-(-a)"),
        ("- -a", "-(-a)"),
        ("*(x + 1)", "*(x + 1)"),
        ("(&x[1])[2]", "(&x[1])[2]"),
        ("static_cast<float>(a) + float(b) + (float)c", "(float)a + (float)b + (float)c"),
        ("(float)(a + b)", "(float)(a + b)"),
        ("(int64_t)-a", "(int64_t)(-a)"),
        ("(a) - b", "a - b"),
        ("(a) * b", "a * b"),
        ("(n) & a", "n & a"),
        ("a ? b : c ? d : e", "a ? b : c ? d : e"),
        ("(a ? b : c) ? d : e", "(a ? b : c) ? d : e"),
        ("std::max<float>(a, b ? c : d)", "std::max<float>(a, b ? c : d)"),
        ("reinterpret_cast<const f32x16*>(x)[1]", "reinterpret_cast<const f32x16*>(x)[1]"),
        ("sizeof(float) * n", "sizeof(float) * n"),
        ("p.x * v.size()", "p.x * v.size()"),
        ("f32x16{} + a", "(f32x16{}) + a"),
        ("1e-5f + 0x1p3 + 3u", "1e-5f + 0x1p3 + 3u"),
    ],
)
def test_expressions(text: str, shown: str) -> None:
    made = value(text)
    assert render_expression(made) == shown
    assert value(shown) == made


def test_raw_values_keep_their_brackets() -> None:
    (statement,) = body("out[0] = (a = 3);")
    assert render_statements((statement,)) == "out[0] = (a = 3);"


def test_casts_are_told_from_brackets() -> None:
    assert value("(f32x16)x[0]") == Cast("f32x16", Index(Name("x"), Number("0")))
    assert value("(a) - b") == Binary("-", Name("a"), Name("b"))
    assert value("(int8_t)(-a)") == Cast("int8_t", Unary("-", Name("a")))
