from __future__ import annotations

import pytest

from warploom.errors import SourceError
from warploom.propose.writing.answer import Edit
from warploom.propose.writing.edit import MOST_SHOWN, apply

SOURCE = """int f(int n) {
    int sum = 0;
    for (int i = 0; i < n; ++i) {
        sum += i;
    }
    return sum;
}

int g(int n) {
    return n;
}
"""


def edited(search: str, replace: str, source: str = SOURCE) -> str:
    return apply(source, [Edit("", search, replace)])


def complaint(search: str, replace: str = "x", source: str = SOURCE) -> str:
    with pytest.raises(SourceError) as caught:
        edited(search, replace, source)
    return str(caught.value)


def test_an_exact_match_is_replaced() -> None:
    assert edited("    return sum;", "    return 2 * sum;") == SOURCE.replace("return sum;", "return 2 * sum;")


def test_blanks_at_line_ends_and_empty_lines_around_do_not_matter() -> None:
    assert edited("\n    int sum = 0;   \n\n", "    int sum = 1;") == SOURCE.replace("sum = 0", "sum = 1")


def test_another_indentation_is_found_and_the_replacement_is_moved_along() -> None:
    found = edited("for (int i = 0; i < n; ++i) {\n    sum += i;\n}", "for (int i = 1; i < n; ++i) {\n    sum -= i;\n}")
    assert found == SOURCE.replace("i = 0", "i = 1").replace("sum += i", "sum -= i")


def test_lines_exactly_as_they_stand_win_over_other_indentation() -> None:
    source = "  a();\n    a();\n"
    assert edited("    a();", "    b();", source) == "  a();\n    b();\n"


def test_a_part_of_a_line_is_found_when_it_is_there_once() -> None:
    assert edited("sum += i", "sum += 2 * i") == SOURCE.replace("sum += i", "sum += 2 * i")


def test_an_empty_replacement_removes_the_lines() -> None:
    assert edited("        sum += i;", "") == SOURCE.replace("        sum += i;\n", "")


def test_edits_follow_one_another() -> None:
    first, second = Edit("", "    return n;", "    return n + 1;"), Edit("", "return n + 1;", "return n + 2;")
    assert "return n + 2;" in apply(SOURCE, [first, second])


def test_two_places_are_named_by_their_lines() -> None:
    text = complaint("}")
    assert text == "edit 1: its SEARCH is found more than once, from lines 7, 11; add lines around it"
    assert "from lines 1, 2, 3, 4;" in complaint("a", source="a\n" * 50)


def test_what_is_not_there_shows_the_nearest_text_with_its_lines() -> None:
    text = complaint("    for (int i = 0; i < n; ++i) {\n        total += i;\n    }")
    assert "is not in the source" in text
    assert "    3 |     for (int i = 0; i < n; ++i) {\n    4 |         sum += i;\n    5 |     }" in text
    near = complaint("        sum += ii;")
    assert "    4 |         sum += i;" in near
    assert complaint("something else entirely\n@@@@").endswith("Nothing in it is like it.")


def test_every_edit_that_fails_is_named() -> None:
    edits = [Edit("", "zzz", "x"), Edit("", "    return n;", "    return 0;"), Edit("", "  ", "x")]
    with pytest.raises(SourceError) as caught:
        apply(SOURCE, edits)
    lines = str(caught.value).split("\n")
    assert lines[0].startswith("edit 1: its SEARCH is not in the source")
    assert lines[-1] == "edit 3: its SEARCH is empty; repeat the lines that are to be replaced"
    assert "edit 2" not in str(caught.value)


def test_a_message_stays_short() -> None:
    source = "\n".join(f"line {number};" for number in range(5000))
    sought = "\n".join(f"line {number};" if number % 2 else "other" for number in range(3000))
    assert len(complaint(sought, source=source).split("\n")) <= MOST_SHOWN + 3
