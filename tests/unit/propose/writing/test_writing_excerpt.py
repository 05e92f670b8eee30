"""What of a source is shown to a model as an idea, and how long it is said to be."""

from __future__ import annotations

from typing import Any

from warploom.propose.moves.cpp.support import text_of
from warploom.propose.writing.excerpt import code_length, excerpt, without_support

OWN = "void kernel() {\n#if FAST\n    go();\n#endif\n}"


def test_support_code_is_named_and_left_out() -> None:
    text = (
        f"#include <cmath>\n// EVOLVE-BLOCK-START\n{text_of('vectors')}\n{text_of('exp')}\n{OWN}\n// EVOLVE-BLOCK-END\n"
    )
    shown = excerpt(text, 5000).split("\n")
    assert [line for line in shown if line.startswith("// …")] == [
        "// … WARPLOOM_VECTORS: support code, the same in every kernel that has it",
        "// … WARPLOOM_EXP: support code, the same in every kernel that has it",
    ]
    assert shown[2:] == OWN.split("\n")


def test_guards_of_ones_own_stay() -> None:
    lines = ["#ifndef MINE", "#define MINE", "int x;", "#endif", "#ifndef WARPLOOM_VECTORS", "int y;", "#endif"]
    assert without_support(lines) == lines


def test_a_long_excerpt_says_how_much_is_missing() -> None:
    text = "\n".join(f"line {number};" for number in range(100))
    shown = excerpt(text, 200).split("\n")
    assert shown[-1] == f"// … {100 - (len(shown) - 1)} more lines"
    assert len("\n".join(shown[:-1])) <= 200


def test_leaving_out_support_code_makes_no_kernel_shorter(desk: Any) -> None:
    whole = desk.candidate(f"{text_of('vectors')}\n{OWN}")
    assert code_length(whole) == code_length(desk.candidate(OWN))
    assert code_length(desk.candidate(OWN + "int z;")) == code_length(whole) + len("intz;")
    assert code_length(desk.candidate(OWN + " // a remark\n")) == code_length(whole)
