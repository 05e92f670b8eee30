from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from warploom.errors import ConfigError
from warploom.propose.writing.operators import OPERATORS
from warploom.propose.writing.prompt import INGREDIENTS, PROMPT_CHARACTERS
from warploom.propose.writing.templates import SHIPPED, Templates, fenced, in_a_line


def with_template(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text)
    return folder


def error(desk: Any, folder: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        desk.writer(prompts=folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_every_ingredient_and_operator_has_a_template_and_every_template_its_use(desk: Any, tmp_path: Path) -> None:
    known = {path.stem for path in SHIPPED.glob("*.j2")}
    others = {"system", "advice", "body", "code", "unusable", "duplicate", "as_edits", "as_program"}
    assert known == {*INGREDIENTS, *OPERATORS, *others} - {"rewrites"}, "of rewrites GPU languages alone are told"
    for name in known:
        folder = tmp_path / name
        folder.mkdir()
        broken = with_template(folder, f"{name}.j2", "{{ no_such_thing }}")
        assert error(desk, broken) == f"prompt template {broken / f'{name}.j2'}:1: 'no_such_thing' is undefined"


def test_a_users_template_wins_and_the_others_stay(desk: Any, tmp_path: Path) -> None:
    plain, _ = desk.writer()
    own, _ = desk.writer(prompts=with_template(tmp_path, "system.j2", "You are {{ entry_point }}'s friend."))
    before, after = plain.prepare(desk.request()).messages, own.prepare(desk.request()).messages
    assert after[0].text == "You are tripled's friend."
    assert after[1] == before[1]


def test_faults_of_users_templates_are_one_line_with_their_place(desk: Any, tmp_path: Path) -> None:
    folder = with_template(tmp_path, "improve.j2", "one\n{% if %}\n")
    assert error(desk, folder).startswith(f"prompt template {tmp_path / 'improve.j2'}:2: ")
    with_template(tmp_path, "improve.j2", "one\n\n{{ 1 / 0 }}")
    assert error(desk, folder) == f"prompt template {tmp_path / 'improve.j2'}:3: division by zero"
    with_template(tmp_path, "improve.j2", "{% include 'nowhere.j2' %}")
    assert "there is no template 'nowhere.j2'" in error(desk, folder)
    with_template(tmp_path, "improve.j2", "{% include 'improve.j2' %}")
    assert "includes itself" in error(desk, folder)
    with_template(tmp_path, "improve.j2", "{{ problem.missing }}")
    assert error(desk, folder).startswith(f"prompt template {tmp_path / 'improve.j2'}:1: ")


def test_templates_run_in_a_sandbox(desk: Any, tmp_path: Path) -> None:
    folder = with_template(tmp_path, "improve.j2", "{{ problem.__class__.__mro__[1].__subclasses__() }}")
    assert "unsafe" in error(desk, folder)


def test_directories_without_use_are_errors(desk: Any, tmp_path: Path) -> None:
    assert error(desk, tmp_path / "none") == f"{tmp_path / 'none'}: there is no such directory of prompt templates"
    assert error(desk, tmp_path).startswith(
        f"{tmp_path}: no prompt template in it; the names are: advice.j2, as_edits.j2, "
    )
    assert "the nearest is improve.j2" in error(desk, with_template(tmp_path, "imporve.j2", "x"))


def test_filters() -> None:
    assert fenced("int x;\n", "cpp") == "```cpp\nint x;\n```"
    assert fenced("a ``` b ```` c") == "`````\na ``` b ```` c\n`````"
    assert in_a_line("a\n  b\x1b[0m ```x") == "a b\ufffd[0m '''x"
    assert in_a_line("word " * 200, 20) == "word word word word…"
    assert in_a_line("cheap before dear", 16) == "cheap before…", "no word is cut"
    assert in_a_line("x" * 30, 10) == "x" * 9 + "…"


def test_what_is_data_is_never_a_template(desk: Any) -> None:
    body = "// {{ 7 * 7 }} {% raw %}\n"
    text = desk.writer()[0].prepare(desk.request(parents=(desk.individual(body),))).messages[1].text
    assert body.strip() in text
    assert (
        Templates()
        .render("failure", {"stage": "build", "words": "w", "message": "{{ x }}", "log": ""})
        .count("{{ x }}")
    )


def test_the_page_on_prompts_names_what_there_is() -> None:
    page = (Path(__file__).parents[4] / "docs" / "prompts.md").read_text()
    rows = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    assert rows == {*INGREDIENTS, *OPERATORS}
    for name in {path.stem for path in SHIPPED.glob("*.j2")} - rows:
        assert f"`{name}`" in page
    assert f"{PROMPT_CHARACTERS:,} characters" in page
