from __future__ import annotations

import pytest

from warploom.errors import SourceError
from warploom.propose.writing.answer import MOST_CHARACTERS, MOST_EDITS, MOST_FENCES, Answer, Edit, clean, read

EDIT = "<<<<<<< SEARCH\nold\n=======\nnew\n>>>>>>> REPLACE\n"


def texts(answer: Answer) -> list[str]:
    return [fence.text for fence in answer.fences]


def test_an_idea_and_an_edit() -> None:
    answer = read(f"Sure.\n\nIDEA: fuse the passes\n\n{EDIT}")
    assert (answer.idea, answer.edits, answer.fences) == ("fuse the passes", (Edit("", "old", "new"),), ())


@pytest.mark.parametrize(
    "line", ["**IDEA:** fuse", "idea: fuse", "## IDEA : fuse", "**IDEA**: fuse", "- x\n> IDEA: fuse"]
)
def test_ideas_are_found_however_they_are_dressed(line: str) -> None:
    assert read(f"{line}\n```cpp\nx\n```").idea == "fuse"


def test_without_the_word_the_first_line_in_words_is_the_idea() -> None:
    assert read("```\nint x;\n```\nUse fewer passes.\nMore.").idea == "Use fewer passes."
    assert read("#include <cmath>\nint x;").idea == ""
    assert len(read("IDEA: " + "word " * 500).idea) <= 160
    assert read("IDEA: red \x1b[31m alert").idea == "red \ufffd[31m alert"


def test_edits_within_fences_with_other_counts_and_line_ends() -> None:
    text = f"```cpp\r\n{EDIT}```\r\n".replace("\n", "\r\n").replace("<<<<<<<", "<<<<<").replace("=======", "======")
    assert read(text).edits == (Edit("", "old", "new"),)


def test_an_edit_names_its_file_above() -> None:
    for above in ("softmax.h\n", "**softmax.h**\n", "`softmax.h`:\n", "### softmax.h\n", "softmax.h\n```cpp\n"):
        assert read(above + EDIT).edits[0].file == "softmax.h", above
    assert read(f"I change softmax.h in this way now:\n{EDIT}").edits[0].file == ""


def test_a_replacement_may_be_empty_and_may_hold_a_line_of_equal_signs() -> None:
    assert read("<<<<<<< SEARCH\nold\n=======\n>>>>>>> REPLACE").edits == (Edit("", "old", ""),)
    assert read("<<<<<<< SEARCH\na\n=======\nb\n=======\nc\n>>>>>>> REPLACE").edits == (Edit("", "a", "b\n=======\nc"),)


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("<<<<<<< SEARCH\na\n>>>>>>> REPLACE", "======="),
        ("<<<<<<< SEARCH\na\n=======\nb\n", ">>>>>>> REPLACE"),
        (f"{EDIT}<<<<<<< SEARCH\na\n{EDIT}", "======="),
    ],
)
def test_a_broken_edit_says_what_is_missing(text: str, missing: str) -> None:
    with pytest.raises(SourceError, match=missing):
        read(text)


def test_too_many_edits() -> None:
    assert len(read(EDIT * MOST_EDITS).edits) == MOST_EDITS
    with pytest.raises(SourceError, match="more than 100 edits"):
        read(EDIT * (MOST_EDITS + 1))


def test_too_many_fences() -> None:
    assert len(read("```\nx\n```\n" * MOST_FENCES).fences) == MOST_FENCES
    with pytest.raises(SourceError, match="more than 100 fences"):
        read("```\nx\n```\n" * (MOST_FENCES + 1))


def test_fences_of_either_kind_and_within_one_another() -> None:
    assert texts(read("~~~cpp\nint x;\n~~~\n````\n```\ninner\n```\n````\n")) == ["int x;", "```\ninner\n```"]
    assert texts(read("prose\n```cpp\nint x;\nint y;")) == ["int x;\nint y;"]


def test_files_are_named_behind_within_or_above_the_fence() -> None:
    for text in (
        "```cpp tables.h\nint x;\n```",
        "```cpp:tables.h\nint x;\n```",
        "```cpp title=tables.h\nint x;\n```",
        "```cpp\n// file: tables.h\nint x;\n```",
        "`tables.h`:\n\n```cpp\nint x;\n```",
    ):
        fence = read(text).fences[0]
        assert (fence.file, fence.text) == ("tables.h", "int x;"), text
    assert read("```cpp ../../etc/passwd\nint x;\n```").fences[0].file == ""


def test_a_bare_program_is_one_only_when_it_looks_like_code() -> None:
    program = '#include <cmath>\nextern "C" void k(float* x) {\n}\n'
    assert read(program).bare_program("k") == program
    assert read(f"Here it is: void k(float* x) {{ }}\n{program}").bare_program("k") == ""
    assert read(program).bare_program("other") == ""
    assert read(f"{program}\n```\nx\n```").bare_program("k") == ""


def test_hostile_letters_are_gone() -> None:
    assert clean("\ufeffa\0b\rc\r\nd\ud800e") == "ab\nc\nd?e"
    assert len(clean("x" * 10_000_000)) == MOST_CHARACTERS
