"""A command as a mind: real processes, short ones."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import anyio
import pytest

from warploom.errors import BudgetSpent, ConfigError, ModelError
from warploom.propose.command import MOST_BYTES, CommandMind, transcript
from warploom.propose.llm.ledger import Caps
from warploom.testing.shelf import Shelf
from warploom.values.exchange import Exchange, Message

PROMPT = (Message("system", "You write kernels."), Message("user", "Make it faster."))


def asked(command: str, messages: tuple[Message, ...] = PROMPT, *, seconds: float = 20.0) -> Exchange:
    mind = CommandMind(command, Caps(), Shelf(), seconds=seconds)
    return anyio.run(mind.ask, 3, 0, "improve", messages, 1)


def test_the_prompt_goes_in_and_the_answer_comes_out() -> None:
    shelf = Shelf()
    mind = CommandMind("cat; echo done", Caps(), shelf)
    exchange = anyio.run(mind.ask, 3, 0, "improve", PROMPT, 1)
    assert exchange.answer == "You write kernels.\n\nMake it faster.\ndone\n"
    assert (exchange.finish, exchange.error, exchange.model) == ("stop", "", "command:cat")
    assert (exchange.number, exchange.operator, exchange.messages) == (3, "improve", PROMPT)
    assert exchange.seconds > 0
    assert shelf.exchanges == {(3, 0): exchange}
    assert mind.spending.requests == 1
    assert not shelf.reservations
    assert anyio.run(mind.ask, 3, 0, "improve", PROMPT, 1) is exchange, "what is recorded is not asked again"
    assert mind.spending.requests == 1


def test_a_conversation_names_who_speaks() -> None:
    more = (*PROMPT, Message("assistant", "```cpp\n```\n"), Message("user", "It does not compile."))
    text = transcript(more)
    assert text.startswith("You write kernels.\n\nMake it faster.\n\n[assistant]\n```cpp")
    assert text.endswith("[user]\nIt does not compile.\n")


@pytest.mark.parametrize(
    ("command", "finish", "error"),
    [
        ("true", "empty", ""),
        ("echo half; echo why >&2; exit 3", "error", "exit code 3: why"),
        ("exit 1", "error", "exit code 1: nothing on stderr"),
        ("kill -9 $$", "error", "exit code -9: nothing on stderr"),
        ("head -c 1 >/dev/null; echo x", "stop", ""),
        ("exec 0<&-; echo x", "stop", ""),
        ("printf '\\377\\376'", "stop", ""),
    ],
)
def test_how_a_call_may_end(command: str, finish: str, error: str) -> None:
    exchange = asked(command, (Message("user", "x" * 300_000),))
    assert (exchange.finish, exchange.error) == (finish, error)


def test_a_call_that_takes_too_long_is_ended_with_all_it_started(tmp_path: Path) -> None:
    left = tmp_path / "pid"
    exchange = asked(f"echo begun; sleep 100 & echo $! > {left}; sleep 100", seconds=1.5)
    assert (exchange.finish, exchange.error) == ("error", "the command was ended after 1.5 s")
    assert exchange.answer == "begun\n"
    gone(int(left.read_text()))


def test_what_is_left_behind_neither_delays_nor_stays(tmp_path: Path) -> None:
    left = tmp_path / "pid"
    exchange = asked(f"sleep 100 & echo $! > {left}; echo answer")
    assert (exchange.answer, exchange.finish) == ("answer\n", "stop")
    assert exchange.seconds < 15
    gone(int(left.read_text()))


def gone(pid: int) -> None:
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return
        if state == "Z":  # dead, and not yet collected by its new parent
            return
        time.sleep(0.02)
    raise AssertionError(f"{pid} still runs")


def test_an_answer_without_end_is_cut() -> None:
    exchange = asked("yes")
    assert exchange.finish == "malformed"
    assert exchange.error == f"the command printed more than {MOST_BYTES} bytes"
    assert len(exchange.answer) == MOST_BYTES


def test_complaints_without_end_do_no_harm() -> None:
    assert asked(f"{sys.executable} -c 'import sys; sys.stderr.write(\"x\" * 5_000_000)'; echo fine").answer == "fine\n"


def test_it_runs_as_the_user_does(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MY_AGENTS_KEY", "abc")
    monkeypatch.chdir(tmp_path)
    assert asked("echo $MY_AGENTS_KEY; pwd").answer == f"abc\n{Path.cwd()}\n"


def test_a_command_that_is_not_there_ends_the_run() -> None:
    with pytest.raises(ModelError, match=r"command:no-such-agent cannot be run: .*not found"):
        asked("no-such-agent --print")


def test_calls_are_capped_and_nothing_else_can_be() -> None:
    shelf = Shelf()
    mind = CommandMind("echo x", Caps(requests=2), shelf)
    for number in range(2):
        anyio.run(mind.ask, number, 0, "improve", PROMPT, 1)
    with pytest.raises(BudgetSpent, match="the cap of 2 requests is reached"):
        anyio.run(mind.ask, 2, 0, "improve", PROMPT, 1)
    for caps in (Caps(tokens=5), Caps(usd=1.0)):
        with pytest.raises(ConfigError, match="cap it with --max-requests"):
            CommandMind("echo x", caps, shelf)


@pytest.mark.parametrize(("command", "named"), [("", "needs a command"), ("   ", "needs a command"), ("a 'b", "quot")])
def test_a_command_that_is_none_is_refused(command: str, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        CommandMind(command, Caps(), Shelf())
