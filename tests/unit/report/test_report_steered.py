"""What somebody did to a run, as terminal and dashboard tell it."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from warploom.report.progress import Progress
from warploom.report.steered import MOST_LETTERS, PAUSED, steered
from warploom.values.event import COMMANDS, Member, RunStarted, Steered

MEMBER = Member("0123456789abcdef", 0.0, 0.0, (0, 0, 0), 0)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_words_of_its_own(command: str) -> None:
    said = {name: steered(Steered(name, 1, 1, "be brief", MEMBER)) for name in COMMANDS}
    assert list(said.values()).count(said[command]) == 1


def test_what_was_not_done_says_why() -> None:
    assert steered(Steered("pin", 1, 1, refused="it failed")) == "not done: pin: it failed"
    assert steered(Steered("", 1, 1, refused="no command")) == "not done: a command: no command"


def test_a_hint_is_told_in_one_short_line_that_steers_no_terminal() -> None:
    line = steered(Steered("hint", 1, 1, "one\n\x1b[31mtwo " + "x" * 500))
    assert "\n" not in line
    assert "\x1b" not in line
    assert len(line) < MOST_LETTERS + 40


def shown(progress: Progress, console: Console) -> str:
    with console.capture() as capture:
        console.print(progress.render())
    return capture.get()


def test_the_live_view_says_that_a_run_is_paused_until_it_goes_on() -> None:
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
    progress = Progress(console)
    for event in (RunStarted({}, {"name": "twice"}), Steered("pause", 1, 1), Steered("pin", 1, 2, member=MEMBER)):
        progress.observe(event)
    assert PAUSED in shown(progress, console)
    progress.observe(Steered("resume", 1, 3, refused="not now"))
    assert PAUSED in shown(progress, console)
    progress.observe(Steered("resume", 1, 4))
    assert PAUSED not in shown(progress, console)


def test_where_there_is_no_terminal_each_command_is_a_line() -> None:
    text = io.StringIO()
    progress = Progress(Console(file=text, width=80))
    for event in (Steered("pause", 1, 1), Steered("hint", 1, 2, "be brief")):
        progress.observe(event)
    assert text.getvalue().splitlines() == [PAUSED, "hint for the next prompts: be brief"]
