"""The shapes that the archive tells programs apart by."""

from __future__ import annotations

import pytest

from warploom.archive.shapes import describe_program

SMALL = "def f(x):\n    return x + 1\n"
LOOPS = "def f(xs):\n" + "".join(f"    for x{one} in xs:\n        pass\n" for one in range(9))
FUNCTIONS = "".join(f"def f{one}():\n    return {one}\n" for one in range(4))


def test_length_functions_and_turns_are_levels_of_their_own() -> None:
    assert describe_program("python", SMALL) == (0, 0, 0)
    assert describe_program("python", LOOPS)[1:] == (0, 2)
    assert describe_program("python", FUNCTIONS)[1:] == (2, 0)
    assert describe_program("python", SMALL + "\n".join(f"a{one} = {one} + {one} * 2" for one in range(400)))[0] == 3


@pytest.mark.parametrize(("language", "mark"), [("python", "#"), ("rust", "//")])
def test_comments_count_for_nothing(language: str, mark: str) -> None:
    text = SMALL if language == "python" else "fn f(x: i64) -> i64 { x + 1 }\n"
    talk = "".join(f"{mark} for while if def fn {one}\n" for one in range(200))
    assert describe_program(language, talk + text) == describe_program(language, text)


def test_another_language_is_read_by_its_words_and_what_is_no_python_too() -> None:
    rust = "fn a() {}\nfn b() {}\nfn c() { for x in 0..3 { if x > 1 { loop {} } } }\n"
    assert describe_program("rust", rust) == (0, 1, 1)
    assert describe_program("python", "def f(:\n") == (0, 0, 0)
