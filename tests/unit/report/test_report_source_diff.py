from __future__ import annotations

from warploom.report.source_diff import counted, highlighted, unified

BEFORE = "int a;\n--b;\nint c;\n"
AFTER = "int a;\nint d;\nint c;\nint e;\n"


def test_a_diff_names_both_and_shows_what_changed() -> None:
    lines = unified(BEFORE, AFTER, "parent", "child")
    assert lines[:2] == ["--- parent", "+++ child"]
    assert "---b;" in lines
    assert "+int d;" in lines
    assert counted(lines) == (2, 1)


def test_nothing_changed_is_empty() -> None:
    assert unified(BEFORE, BEFORE, "a", "b") == []
    assert counted([]) == (0, 0)


def test_colours_follow_the_first_sign_and_a_removed_decrement_is_no_file_name() -> None:
    text = highlighted(unified(BEFORE, AFTER, "parent", "child"))
    styles = {text.plain[span.start : span.end].strip(): span.style for span in text.spans}
    assert styles["--- parent"] == "bold"
    assert styles["---b;"] == "red"
    assert styles["+int d;"] == "green"
