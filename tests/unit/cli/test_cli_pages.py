"""Every command that a page shows can be typed: its words are parsed by the command itself, and nothing is run."""

from __future__ import annotations

import re
import shlex
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from warploom.cli import main as cli

ROOT = Path(__file__).resolve().parents[3]
PAGES = (ROOT / "README.md", ROOT / "AGENTS.md", *sorted((ROOT / "docs").rglob("*.md")))
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
SHELLS = {"", "sh", "console"}
PLACEHOLDERS = re.compile(r"\[[^\]]*\]|…|\.\.\.")
"""Of a synopsis: what may be left out, and what may be repeated."""


def commands(text: str) -> list[str]:
    """Every ``warploom …`` of a page: in a block of commands, indented, or between backticks with an option."""
    fenced = [body for language, body in FENCE.findall(text) if language in SHELLS]
    rest = FENCE.sub("", text)
    lines = [line for body in fenced for line in body.splitlines()]
    lines += [line[4:] for line in rest.splitlines() if line.startswith("    ")]
    found = [match[1] for line in lines if (match := re.match(r"(?:\$ )?(?:\w+=\S+ )?(warploom .*)", line))]
    return found + [one for one in re.findall(r"`(warploom [^`]+)`", rest) if "--" in one]


def words(command: str) -> list[str]:
    """What follows ``warploom``, without remarks, pipes and redirections."""
    plain = PLACEHOLDERS.sub("", re.split(r"\s(?:[&|>]|#)|\s·", command)[0])
    return shlex.split(plain)[1:]


@cache
def parser(name: str) -> Any:
    return typer.main.get_command(cli._app([name]))


def parsed(given: list[str]) -> None:
    group = parser(given[0])
    with suppress(typer.Exit):  # --help says what it has to and ends
        context = group.make_context("warploom", list(given))
        name, command, rest = group.resolve_command(context, given)
        command.make_context(name, rest, parent=context)


SHOWN = sorted(
    {(str(page.relative_to(ROOT)), command) for page in PAGES for command in commands(page.read_text())}
)  # fmt: skip


@pytest.mark.parametrize(("page", "command"), SHOWN, ids=[f"{page}: {command}" for page, command in SHOWN])
def test_a_command_that_a_page_shows_is_understood(page: str, command: str) -> None:
    try:
        parsed(words(command))
    except cli._UsageError as error:
        pytest.fail(f"{page}: `{command}`: {cli._usage(error)}")


def test_the_how_tos_show_commands_and_the_tutorial_does() -> None:
    shown = {page for page, _ in SHOWN}
    assert {f"docs/howto/{path.name}" for path in (ROOT / "docs" / "howto").glob("*.md")} <= shown | {
        "docs/howto/own-toolchain.md"
    }
    assert {"README.md", "docs/tutorial.md"} <= shown


@pytest.mark.parametrize(
    "stale", ["warploom evolve softmax --no-such-option", "warploom judge softmax", "warploom evolv x"]
)
def test_a_stale_command_would_be_found(stale: str) -> None:
    page = f"Type\n\n```sh\n{stale}   # a remark\n```\n"
    (command,) = commands(page)
    with pytest.raises(cli._UsageError):
        parsed(words(command))


def test_commands_are_found_in_every_form() -> None:
    page = "    warploom a > b\n`warploom b --x` and `warploom c`\n```console\n$ warploom d | e\n```\n```python\nwarploom f\n```\n"
    assert [words(one) for one in commands(page)] == [["d"], ["a"], ["b", "--x"]]
