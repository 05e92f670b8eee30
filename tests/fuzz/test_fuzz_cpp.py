"""The C++ reader and everything that reads its trees: any text is read, and nothing that was written gets lost."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warploom.archive.descriptors import describe
from warploom.errors import SourceError
from warploom.problems.load import CATALOG
from warploom.syntax.cpp.parse import parse
from warploom.syntax.cpp.render import render
from warploom.syntax.cpp.tree import Loop
from warploom.syntax.fingerprint import fingerprint
from warploom.testing.damage import ODD_WORDS, damaged_text, odd_text
from warploom.testing.fuzz import Target
from warploom.values.candidate import Candidate

SEEDS = [path.read_text() for path in sorted(CATALOG.glob("*/seed.cpp"))]
CPP_WORDS = (
    *ODD_WORDS, "for", "if", "else", "while", "do", "switch", "case 1:", "default:", "goto", "return", "break", "struct S {", "};",
    "namespace {", "template <typename T>", "typename", "operator", "[&](int q)", "->", "::", "<", ">", "<<=", "&&", "++", "--",
    "? 1 :", "static_cast<float>(", "(float)", "sizeof(int)", "alignas(64)", "const", "static", "extern \"C\"", "__attribute__((x))",
    "float a[4][4] = {};", "int i", "x[i]", "1.0f", "0x1p3", "'a'", "R\"(q)\"", "#if 0\n", "#endif\n", "#define Q(a) a\n", "asm(\"\")",
    "for (int i = 0; i < 3; ++i)", "for (;;)", "if (n) ", "int a = 1, *b = &a;", "/* c */", "// c\n", "{}", ";", "void f() {", "}",
)  # fmt: skip
EXPRESSIONS = ("+", "-", "*", "/", "%", "<", ">", "==", "&&", "||", "&", "|", "^", "<<", ">>")
_COMMENT = re.compile(r"//(?:[^\n\\]|\\.)*|/\*.*?\*/", re.DOTALL)
_WORD = re.compile(r"\w+")


class Writer:
    """Writes right C++ of every kind that kernels are made of; all names are declared, all brackets close."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._names = ["x", "out", "n"]
        self._fresh = 0

    def unit(self) -> str:
        heads = [
            "#include <cmath>",
            "typedef float f32x16 __attribute__((vector_size(64)));",
            "TUNE(BLOCK, 64, 32)",
            "// c",
        ]
        parts = [self._rng.choice(heads) for _ in range(self._rng.randrange(3))]
        for name in ("f", "g", "h")[: self._rng.randint(1, 3)]:
            self._names = ["x", "out", "n"]
            prefix = self._rng.choice(("", "static ", 'extern "C" ', "template <int N>\nstatic inline "))
            parts.append(
                f"{prefix}void {name}(const float* x, float *__restrict__ out, int64_t n) {{\n{self._body(3)}\n}}"
            )
        return "\n".join(parts) + "\n"

    def _body(self, depth: int) -> str:
        known = len(self._names)
        text = "\n".join(self._statement(depth) for _ in range(self._rng.randint(1, 4)))
        del self._names[known:]
        return text

    def _name(self, kind: str) -> str:
        self._fresh += 1
        self._names.append(f"{kind}{chr(97 + self._fresh % 26)}q{'z' * (self._fresh // 26)}")
        return self._names[-1]

    def _statement(self, depth: int) -> str:
        rng = self._rng
        value = self.expression(3)
        match rng.randrange(14 if depth else 8):
            case 0:
                return f"{rng.choice(('float', 'const int', 'double'))} {self._name('v')} = {value};"
            case 1:
                return f"out[{self.expression(1)}] {rng.choice(('=', '+=', '*=', '<<='))} {value};"
            case 2:
                return f"float {self._name('a')}[4][n], {self._name('b')} = {value};"
            case 3:
                return f"{rng.choice(self._names)}{rng.choice(('++', '--'))};"
            case 4:
                return f"call({value}, {self.expression(2)}); // note"
            case 5:
                return f"const float* {self._name('p')} = x + {value};"
            case 6:
                return rng.choice(
                    ("return;", "/* two\n * lines \\ */", ";", "#pragma GCC ivdep\nn += 2;", 'asm volatile("");')
                )
            case 7:
                return f"*(out + {self.expression(1)}) = {value};"
            case 8:
                return f"if ({value}) {{\n{self._body(depth - 1)}\n}}"
            case 9:
                return f"if ({value}) {self._statement(0)}\nelse if ({value}) {{\n{self._body(depth - 1)} }}\nelse {self._statement(0)}"
            case 10:
                return f"while ({value}) {{\n{self._body(depth - 1)}\n}}"
            case 11:
                return f"{{\n{self._body(depth - 1)}\n}}"
        upper = self.expression(2)
        pragma = rng.choice(("", "", "#pragma omp parallel for \\\n    collapse(1)\n", "#pragma omp simd\n"))
        lower, name = self.expression(1), self._name("i")
        head = f"for (int64_t {name} = {lower}; {name} {rng.choice(('<', '<', '<=', '>'))} {upper}; "
        advance = rng.choice((f"++{name}", f"{name}++", f"{name} += 4"))
        return f"{pragma}{head}{advance}) {{\n{self._body(depth - 1)}\n}}"

    def expression(self, depth: int) -> str:
        rng = self._rng
        if not depth or rng.random() < 0.2:
            return rng.choice((*self._names, "1.0f", "3", "0x1p3", "1e-5f", "true", "M_PI"))
        one, other = self.expression(depth - 1), self.expression(depth - 1)
        match rng.randrange(9):
            case 0:
                return f"({one})"
            case 1:
                return f"{rng.choice('-!~')}({one})"
            case 2:
                return f"std::max<float>({one}, {other})"
            case 3:
                return f"(({one}) ? {one} : {other})"
            case 4:
                return f"(float)({one})"
            case 5:
                return f"x[{one}]"
            case 6:
                return f"static_cast<int>({one})"
            case _:
                return f"(({one}) {rng.choice(EXPRESSIONS)} ({other}))"


def words(text: str) -> set[str]:
    """The words of a text without comments; a number at their end is left out, for locals are numbered."""
    return {re.sub(r"(?<=\D)_?\d+$", "", word) for word in _WORD.findall(_COMMENT.sub(" ", text))}


def draw_right(rng: random.Random) -> str:
    return Writer(rng).unit()


def check_right(text: str) -> str:
    unit = parse(text)
    shown = render(unit)
    assert parse(shown) == unit, f"reading what was written gives another tree:\n{text}\n---\n{shown}"
    lost = words(text) - words(shown) - {"static_cast"}
    gained = words(shown) - words(text) - {"1"}
    assert not lost, f"lost {lost}:\n{text}\n---\n{shown}"
    assert not gained, f"gained {gained}:\n{text}\n---\n{shown}"
    assert fingerprint(text) == fingerprint(shown)
    return "the same"


def draw_wrong(rng: random.Random) -> str:
    match rng.randrange(5):
        case 0:
            return odd_text(rng, 200)
        case 1:
            depth = rng.choice((5, 50, 150, 300, 1000))
            opening, closing = rng.choice((("(", ")"), ("{", "}"), ("x[", "]"), ("-", ""), ("if (n) ", ";"), ("f(", ")"), ("1 + ", "1"),
                                           ("for (int i = 0; i < n; ++i) ", ";"), ("n ? 1 : ", "2"), ("(float)", "1"), ("*", "x")))  # fmt: skip
            return f"void f(float* x, int n) {{ n = {opening * depth}n{closing * depth}; {opening * depth}{closing * depth} }}"
        case 2:
            return damaged_text(rng, Writer(rng).unit(), CPP_WORDS)
        case _:
            return damaged_text(rng, rng.choice(SEEDS), CPP_WORDS)


def check_wrong(text: str) -> str:
    unit = parse(text)
    shown = render(unit)
    again = parse(shown)
    fingerprint(text)
    candidate = Candidate("0" * 16, "cpp", (("kernel.cpp", text),), "f")
    assert len(candidate.id) == 16
    try:
        cell = describe(candidate, {})
    except SourceError:
        return "no frame"
    assert all(0 <= level < 4 for level in cell)
    return "the same" if again == unit else "another spelling"


TARGETS = (
    Target("right C++", draw_right, check_right, weight=2, few=60),
    Target("wrong C++", draw_wrong, check_wrong, weight=2, few=80),
)


def test_right_sources_come_back_whole() -> None:
    assert set(TARGETS[0].short_run()) == {"the same"}


def test_wrong_sources_are_read_too() -> None:
    assert len(TARGETS[1].short_run()) == 2


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(st.text(max_size=100), st.lists(st.sampled_from(CPP_WORDS), max_size=30))
def test_any_text_is_read(text: str, tokens: list[str]) -> None:
    check_wrong(text)
    check_wrong(f"void f(int n) {{ {' '.join(tokens)} }}")


@pytest.mark.parametrize(
    "text", ["n = " + "(" * 3000 + "n" + ")" * 3000 + ";", "n = 1" + " + n" * 3000 + ";", "{" * 1000 + "}" * 1000]
)
def test_what_is_nested_too_deep_stays_as_it_is(text: str) -> None:
    """Found: a RecursionError ended the run."""
    source = f"int g() {{ return 1; }}\nvoid f(int n) {{ {text} }}\n"
    unit = parse(source)
    assert [function.name for function in unit.functions] == ["g"]
    assert text in render(unit)
    check_wrong(source)


COMMENTED = """
void f(const float* x,  // what comes in
       float* out /* and out */, int64_t n) {
    float // the sum
        s = 0;
    for (int64_t i = 0; i < n; ++i) // all of them
        s += x[i] /* once */ + 1.0f; // this stays
    if (n > 3) // many
        s /* all */ = 2.0f;
    else // few
        s = x[0] // and
            + x[1];
    static const float table[2] = {1.0f, // one
                                   2.0f};
    out[0] /* here */ = s * table[1];
    /* ends in a backslash \\ */
    out[1] = s;
}
"""


def test_comments_inside_statements_take_no_code_with_them() -> None:
    """Found: ``x /* c */ + 1`` lost its operator, and a ``//`` comment inside a declaration swallowed its name."""
    unit = parse(COMMENTED)
    shown = render(unit)
    assert parse(shown) == unit
    assert words(COMMENTED) == words(shown) - {"1"} | {"1"}
    for line in ("float s = 0;", "s += x[i] + 1.0f;", "// this stays", "s = 2.0f;", "s = x[0] + x[1];", "out[1] = s;"):
        assert f"    {line}\n" in shown
    assert "void f(const float* x, float* out, int64_t n) {" in shown


@pytest.mark.parametrize("text", ["a < (b >> c)", "(a < b) > c", "(a < b) >= c", "a < b + c", "a <= b >> c"])
def test_comparisons_are_not_read_as_templates(text: str) -> None:
    """Found: a loop to ``(n >> 1)`` was no loop any more after it was written and read."""
    unit = parse(f"void f(int a, int b, int c) {{ for (int i = 0; i < ({text}); ++i) {{ a = {text}; }} }}")
    assert parse(render(unit)) == unit
    assert "for (int i = 0; i < " in render(unit)
    assert isinstance(unit.functions[0].body[0], Loop)
