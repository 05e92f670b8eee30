from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from warploom.errors import SourceError
from warploom.propose.writing.answer import read
from warploom.propose.writing.draft import MOST_BYTES, draft
from warploom.values.candidate import Candidate
from warploom.values.signature import signature

FASTER = 'extern "C" void tripled(const float* x, const float* weight, float* out, int64_t rows, int64_t cols) {\n    go();\n}\n'


def made(desk: Any, text: str, base: Candidate | None = None) -> Candidate:
    return draft(base or desk.candidate(), read(text), signature(desk.problem)).candidate


def complaint(desk: Any, text: str, base: Candidate | None = None) -> str:
    with pytest.raises(SourceError) as caught:
        made(desk, text, base)
    return str(caught.value)


def fence(text: str, info: str = "cpp") -> str:
    return f"Here it is.\n\n```{info}\n{text}\n```\nGood luck!"


def edit(search: str, replacement: str) -> str:
    return f"<<<<<<< SEARCH\n{search}\n=======\n{replacement}\n>>>>>>> REPLACE\n"


def test_an_edit_changes_the_block_and_nothing_else(desk: Any) -> None:
    base = replace(desk.candidate(), build_flags=("-Ofast",))
    found = made(desk, edit("3.0f * x", "3.f * x"), base)
    assert found.source == base.source.replace("3.0f * x", "3.f * x")
    assert (found.build_flags, found.entry_point, found.problem) == (("-Ofast",), "tripled", desk.problem.hash)


def test_a_whole_file_with_or_without_markers(desk: Any) -> None:
    base = desk.candidate()
    head, tail = base.source[: base.source.index("extern")], "// EVOLVE-BLOCK-END\n"
    wanted = f"{head}{FASTER}{tail}"
    assert made(desk, fence(wanted)).source == wanted
    assert made(desk, fence(FASTER)).source == wanted
    assert made(desk, wanted).source == wanted, "the program itself, without any fence"
    assert made(desk, fence(wanted.replace("cstdint>\n", "cstdint>   \n")).replace("\n", "\r\n")).source == wanted


def test_lines_outside_the_block_may_not_change(desk: Any) -> None:
    base = desk.candidate()
    message = (
        "line 1 lies outside the evolve block and changed: '#include <cstdint>' expected, is now '#include <math.h>'"
    )
    assert complaint(desk, edit("#include <cstdint>", "#include <math.h>")) == message
    assert complaint(desk, fence(base.source.replace("<cstdint>", "<math.h>"))) == message
    assert "EVOLVE-BLOCK-START" in complaint(desk, edit("// EVOLVE-BLOCK-START", "// gone"))


def test_the_last_program_in_the_right_language_is_taken(desk: Any) -> None:
    python = 'def tripled(x) {\n  """extern"""\n}'
    text = fence(FASTER.replace("go()", "first()")) + fence(FASTER) + fence("tripled(x);") + fence(python, "python")
    assert "go();" in made(desk, text).source
    assert "go();" in made(desk, fence(FASTER, "")).source


def test_an_answer_without_program_says_what_is_missing(desk: Any) -> None:
    assert complaint(desk, "I would use threads.").startswith("the answer holds no edit and no program")
    assert complaint(desk, fence("int x;")) == "no fence of the answer defines tripled; give the whole file"
    assert complaint(desk, fence(desk.candidate().source)) == "the answer changes nothing"
    assert complaint(desk, edit("3.0f * x", "3.0f * x")) == "the answer changes nothing"
    assert complaint(desk, fence(FASTER + "// " + "x" * MOST_BYTES)).startswith("the files are larger than")


def test_what_the_toolchain_would_reject_costs_nothing(desk: Any) -> None:
    assert "no definition of the entry point" in complaint(desk, edit("void tripled(", "void treble("))
    assert "TUNE" in complaint(desk, fence("TUNE(TILE)\n" + FASTER))
    assert "the file name" in complaint(desk, fence(FASTER) + fence("int x;", "cpp pre.h"))


def test_several_files(desk: Any) -> None:
    text = fence('#include "tables.h"\n' + FASTER) + fence("static const int table[] = {1, 2};", "cpp tables.h")
    two = made(desk, text)
    assert [name for name, _ in two.sources] == ["tripled.cpp", "tables.h"]
    assert two.sources[1][1] == "static const int table[] = {1, 2};\n"
    remarks = fence("g++ -O3", "bash build.sh") + fence("It is fast.", "text notes.txt")
    assert made(desk, text + remarks) == two, "what is no source is no part of it"
    named = made(desk, "tables.h\n" + edit("{1, 2}", "{1, 2, 3}"), two)
    assert named.sources == (two.sources[0], ("tables.h", "static const int table[] = {1, 2, 3};\n"))
    again = made(desk, fence("int other;", "cpp tables.h"), two)
    assert again.sources == (two.sources[0], ("tables.h", "int other;\n"))
    with_new = made(desk, edit("go();", "went();") + fence("int more;", "cpp more.h"), two)
    assert [name for name, _ in with_new.sources] == ["tripled.cpp", "tables.h", "more.h"]


def test_parameters_stay_while_their_lines_stay(desk: Any) -> None:
    lines = "TUNE(TILE, 8, 8, 16)\nTUNE(ROWS, 1, 1, 2)\n"
    base = replace(desk.candidate(lines + FASTER), parameters=(("ROWS", 2), ("TILE", 16)))
    assert made(desk, edit("go();", "went();"), base).parameters == base.parameters
    changed = made(desk, edit("TUNE(TILE, 8, 8, 16)", "TUNE(TILE, 4, 4, 8, 16)"), base)
    assert changed.parameters == (("ROWS", 2),)
    assert made(desk, edit("TUNE(TILE, 8, 8, 16)", ""), base).parameters == (("ROWS", 2),)
