"""Evolve block, TUNE lines and fingerprints."""

from __future__ import annotations

import pytest

from warploom.errors import SourceError
from warploom.syntax import evolve_block, tune
from warploom.syntax.fingerprint import fingerprint

SOURCE = "#include <cmath>\n// EVOLVE-BLOCK-START\nint a;\nint b;\n// EVOLVE-BLOCK-END\nint c;\n"


def test_split_and_join_are_inverse() -> None:
    before, block, after = evolve_block.split(SOURCE)
    assert before == "#include <cmath>\n// EVOLVE-BLOCK-START\n"
    assert block == "int a;\nint b;\n"
    assert after == "// EVOLVE-BLOCK-END\nint c;\n"
    assert evolve_block.join(before, block, after) == SOURCE
    assert evolve_block.join(before, "int z;", after) == SOURCE.replace("int a;\nint b;", "int z;")


def test_without_markers_the_whole_file_is_the_block() -> None:
    assert evolve_block.split("int a;\n") == ("", "int a;\n", "")
    evolve_block.enforce("int a;\n", "anything")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("// EVOLVE-BLOCK-START\n", "line 1: EVOLVE-BLOCK-START without EVOLVE-BLOCK-END"),
        ("x\n// EVOLVE-BLOCK-END\n", "line 2: EVOLVE-BLOCK-END without"),
        ("// EVOLVE-BLOCK-START\n// EVOLVE-BLOCK-START\n// EVOLVE-BLOCK-END\n", "line 2: a second"),
        ("// EVOLVE-BLOCK-START\n// EVOLVE-BLOCK-END\n// EVOLVE-BLOCK-END\n", "line 3: a second"),
        (SOURCE + SOURCE, "line 8: a second EVOLVE-BLOCK-START after"),
    ],
)
def test_malformed_markers_name_their_line(source: str, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        evolve_block.split(source)


def test_enforce_allows_changes_inside_only() -> None:
    evolve_block.enforce(SOURCE, SOURCE.replace("int a;", "int a, z;\nint y;"))
    with pytest.raises(SourceError, match=r"line 1 .*'#include <cmath>' expected, is now '#include <vector>'"):
        evolve_block.enforce(SOURCE, SOURCE.replace("cmath", "vector"))
    with pytest.raises(SourceError, match=r"line 7 .*'int c;' expected, is now 'int d;'"):
        evolve_block.enforce(SOURCE, SOURCE.replace("int a;", "int a;\n").replace("int c;", "int d;"))
    with pytest.raises(SourceError, match=r"nothing expected, is now 'int e;'"):
        evolve_block.enforce(SOURCE, SOURCE + "int e;\n")
    with pytest.raises(SourceError, match="is missing"):
        evolve_block.enforce(SOURCE, SOURCE.replace("int c;\n", ""))


def test_an_edit_may_not_drop_the_markers() -> None:
    with pytest.raises(SourceError, match="line 1"):
        evolve_block.enforce(SOURCE, "int a;\n")


TUNED = "#include <cmath>\nTUNE(BLOCK, 64, 16, 32, 64) // rows\nTUNE(SCALE, 0.5, 0.25, 0.5)\n  TUNE(KIND, fast, fast, slow)\nint a;\n"


def test_declared_lists_every_parameter() -> None:
    block, scale, kind = tune.declared(TUNED)
    assert (block.name, block.default, block.choices, block.line) == ("BLOCK", 64, (16, 32, 64), 2)
    assert (scale.default, scale.choices) == (0.5, (0.25, 0.5))
    assert (kind.default, kind.choices, kind.line) == ("fast", ("fast", "slow"), 4)
    assert tune.declared("TUNE(A, 3, 1, 2)")[0].choices == (3, 1, 2)


def test_resolve_keeps_line_numbers() -> None:
    text = tune.resolve(TUNED, {"BLOCK": 16, "KIND": "slow"})
    assert text.split("\n") == [
        "#include <cmath>",
        "#define BLOCK 16",
        "#define SCALE 0.5",
        "#define KIND slow",
        "int a;",
        "",
    ]


@pytest.mark.parametrize(
    ("source", "parameters", "message"),
    [
        (TUNED, {"BLOCC": 16}, "no such TUNE line; did you mean BLOCK"),
        (TUNED, {"Z": 1}, "it declares: BLOCK, SCALE, KIND"),
        (TUNED, {"BLOCK": 17}, "line 2: BLOCK = 17 is none of its choices: 16, 32, 64"),
        ("TUNE(A)", {}, r"line 1: 'TUNE\(A\)' cannot be read; write TUNE"),
        ("x\nTUNE(A, 1, 2) int b;", {}, "line 2"),
        ("TUNE(A, 1+1)", {}, "no integer, float or word"),
        ("TUNE(A, 1)\nTUNE(A, 2)", {}, "line 2: A was declared on line 1"),
    ],
)
def test_bad_tuning_names_line_and_mend(source: str, parameters: dict[str, int], message: str) -> None:
    with pytest.raises(SourceError, match=message):
        tune.resolve(source, parameters)


def test_fingerprint_ignores_spelling_and_nothing_else() -> None:
    one = "void f(const float* x, int64_t n) { float s = 0; for (int64_t i = 0; i < n; ++i) s += x[i]; }"
    two = "// sum\nvoid f(const float *in,\n int64_t n) {\n float total = 0; /* acc */ for (int64_t k = 0; k < n; k++) { total += in[k]; } }"
    assert fingerprint(one) == fingerprint(two)
    assert fingerprint(one) != fingerprint(one.replace("+=", "-="))
    assert fingerprint(one) != fingerprint("#define A 3\n" + one)
