"""ask, tell and mcp: words, files and what is printed. The loop itself is in test_search_asktell.py."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from rich.console import Console

from warploom.cli import ask as ask_command
from warploom.cli import mcp as mcp_command
from warploom.cli import tell as tell_command
from warploom.cli.main import COMMANDS, run
from warploom.errors import JournalError, SourceError, ToolchainError
from warploom.report.reply import render
from warploom.search.agents.reply import Assignment, Reply
from warploom.values.exchange import Message
from warploom.values.speedup import Speedup

Captured = pytest.CaptureFixture[str]
GOOD = Reply(
    "abcdef0123456789",
    "new",
    passed=True,
    speedup={"eager": Speedup(2.0, 1.9, 2.1)},
    workloads={"n=64": Speedup(2.5, 2.4, 2.6)},
    call_ms={"n=64": (0.8, 2.0)},
    advice="ask again",
    request=3,
    parent_speedup=1.5,
    verdict="measured again: the best of the run",
    promoted=True,
    best_speedup=2.0,
)
BAD = Reply(
    "abcdef0123456789", "failed", passed=False, message="it [red]crashed", stage="build", kind="crash", log="at line 3",
    advice="mend it", request=3, best_speedup=2.0,
)  # fmt: skip


class Played:
    """Stands for a run; notes what it was asked."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.reply: Reply | Exception = GOOD

    def __call__(self, folder: Any, problem: str | None = None, **named: Any) -> Played:
        self.calls.append(("open", str(folder), problem, named))
        return self

    def __enter__(self) -> Played:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.calls.append(("close",))

    def ask(self, number: int | None = None) -> Assignment:
        self.calls.append(("ask", number))
        return Assignment(
            7, "improve", (Message("system", "You write."), Message("user", "Faster [bold]!")), "abc", 1.5
        )

    def tell(self, number: int, text: str) -> Reply:
        return self._judged("tell", number, text)

    def judge_draft(self, number: int, text: str) -> Reply:
        return self._judged("draft", number, text)

    def _judged(self, how: str, number: int, text: str) -> Reply:
        self.calls.append((how, number, text))
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply

    def describe(self) -> str:
        return "twice x"

    def status(self) -> dict[str, Any]:
        return {"evaluations": 3}

    def best(self) -> dict[str, Any]:
        raise JournalError("no promoted kernel yet")


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Played:
    found = Played()
    for module in (ask_command, tell_command, mcp_command):
        monkeypatch.setattr(module, "open_run", found)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "k.cpp").write_text("the kernel\n")
    return found


def test_ask_prints_the_prompt_and_how_to_answer(played: Played, capsys: Captured) -> None:
    assert run(["ask", "runs/a", "--problem", "softmax", "--start", "k.cpp", "--seed", "5", "--wait", "9"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("request 7 of runs/a (improve); answer it with: warploom tell runs/a 7 FILE\n\nYou write.")
    assert said.endswith("\n\nFaster [bold]!\n")
    how, folder, problem, named = played.calls[0]
    assert (how, folder, problem) == ("open", "runs/a", "softmax")
    assert (named["start"], named["seed"], named["patience_seconds"]) == (Path("k.cpp"), 5, 9.0)
    assert played.calls[1:] == [("ask", None), ("close",)]


def test_ask_as_an_object_and_once_more(played: Played, capsys: Captured) -> None:
    assert run(["ask", "runs/a", "--id", "7", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["id"], found["operator"], found["parent"], found["run"]) == (7, "improve", "abc", "runs/a")
    assert found["prompt"] == "You write.\n\nFaster [bold]!\n"
    assert ("ask", 7) in played.calls


def test_what_is_being_done_goes_to_stderr_unless_it_is_not_wanted(played: Played, capsys: Captured) -> None:
    for words, heard in ((["ask", "a"], True), (["ask", "a", "--quiet"], False), (["tell", "a", "1", "k.cpp"], True)):
        played.calls.clear()
        assert run(words) == 0
        progress: Callable[[str], None] | None = played.calls[0][3]["progress"]
        assert (progress is not None) == heard
        if progress is not None:
            capsys.readouterr()
            progress("starting [PyTorch]")
            assert capsys.readouterr().err == "starting [PyTorch]\n"


def test_tell_hands_the_file_over_and_says_what_came_of_it(played: Played, capsys: Captured) -> None:
    assert run(["tell", "runs/a", "3", "k.cpp"]) == 0
    assert ("tell", 3, "the kernel\n") in played.calls
    said = capsys.readouterr().out
    for words in ("request 3", "2.00× [1.90, 2.10] over PyTorch eager", "2.50× [2.40, 2.60]", "n=64", "1.50×"):
        assert words in said
    assert said.endswith("next: ask again\n")
    played.reply = BAD
    assert run(["tell", "runs/a", "3", "k.cpp"]) == 1
    said = capsys.readouterr().out
    for words in ("failed at build: crash", "it [red]crashed", "at line 3", "next: mend it", "2.00×"):
        assert words in said


def test_tell_as_an_object_and_as_a_draft(played: Played, capsys: Captured) -> None:
    played.reply = BAD
    assert run(["tell", "runs/a", "3", "k.cpp", "--draft", "--json"]) == 1
    assert ("draft", 3, "the kernel\n") in played.calls
    found = json.loads(capsys.readouterr().out)
    assert (found["request"], found["passed"], found["message"], found["log"]) == (
        3,
        False,
        "it [red]crashed",
        "at line 3",
    )
    assert found["speedup"] == {}


def test_an_answer_may_come_from_stdin(played: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("\ufeffvoid f();\r\n".encode())))
    assert run(["tell", "runs/a", "3", "-", "--json"]) == 0
    assert ("tell", 3, "void f();\r\n") in played.calls, "without the mark of byte order"


@pytest.mark.parametrize(
    ("content", "named"),
    [(None, "answer bad.cpp: No such file"), (b"\xff\xfe", "is not UTF-8 text"), (b" " * 10_000_001, "is larger than")],
)
def test_an_answer_that_cannot_be_read(content: bytes | None, named: str, played: Played, capsys: Captured) -> None:
    if content is not None:
        Path("bad.cpp").write_bytes(content)
    assert run(["tell", "runs/a", "3", "bad.cpp", "--json"]) == 2
    assert named in json.loads(capsys.readouterr().out)["error"]
    assert played.calls == []


def test_a_refused_answer_is_one_line_and_two(played: Played, capsys: Captured) -> None:
    played.reply = SourceError("request 3 is still open: no program")
    assert run(["tell", "runs/a", "3", "k.cpp"]) == 2
    assert capsys.readouterr().err.strip().splitlines()[-1] == "error: request 3 is still open: no program"


def test_a_run_that_is_not_there(tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("k.cpp").touch()
    for words in (["ask", "nope"], ["tell", "nope", "1", "k.cpp"], ["mcp", "nope"]):
        assert run(words) == 2
        assert capsys.readouterr().err == "error: no run here: nope; --problem NAME begins one\n"
    assert run(["mcp", "nope", "--problem", "softmx"]) == 2
    assert "did you mean softmax" in capsys.readouterr().err
    assert not Path("nope").exists()


def test_a_draft_is_called_one() -> None:
    draft = Reply("abc", "draft", passed=True, speedup={"eager": Speedup(2.0, 1.9, 2.1)}, advice="tell it")
    console = Console(file=io.StringIO(), width=200)
    console.print(render(draft))
    assert "candidate abc: passed, as a draft" in console.file.getvalue()  # type: ignore[attr-defined]


# ------------------------------------------------------------ MCP


def test_the_tools_of_mcp_reach_the_run(played: Played) -> None:
    async def session() -> None:
        opened = mcp_command.Opened(lambda: played("runs/a"))  # type: ignore[arg-type,return-value]
        async with Client(mcp_command.make_server(opened)) as client:
            assert "judge_draft" in str(client.instructions)
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            assert "SEARCH/REPLACE" in str(tools["judge_draft"].description)
            assert tools["tell"].input_schema["required"] == ["id", "answer"]
            assert not played.calls, "a client does not wait for a run that nobody asked for"
            asked = await client.call_tool("ask", {})
            assert asked.structured_content is not None
            assert asked.structured_content["id"] == 7
            assert asked.structured_content["prompt"].endswith("Faster [bold]!\n")
            await client.call_tool("ask", {"id": 7})
            told = await client.call_tool("tell", {"id": 7, "answer": "x"})
            assert told.structured_content == GOOD.to_object()
            await client.call_tool("judge_draft", {"id": 7, "answer": "y"})
            described = await client.call_tool("describe_problem", {})
            assert described.structured_content == {"result": "twice x"}
            assert (await client.call_tool("status", {})).structured_content == {"evaluations": 3}
            best = await client.call_tool("best", {})
            assert best.is_error
            assert "no promoted kernel yet" in str(best.content), "what an agent can mend is said to it"
            assert (await client.call_tool("tell", {"id": "many"})).is_error
        opened.close()

    anyio.run(session)
    assert [call for call in played.calls if call[0] != "open"] == [
        ("ask", None),
        ("ask", 7),
        ("tell", 7, "x"),
        ("draft", 7, "y"),
        ("close",),
    ]
    assert len([call for call in played.calls if call[0] == "open"]) == 1


def test_without_the_package_there_is_one_line_with_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    def absent(name: str) -> Any:
        if name.startswith("mcp"):
            raise ImportError(name)
        return import_module(name)

    monkeypatch.setattr(mcp_command, "import_module", absent)
    with pytest.raises(ToolchainError, match=r"pip install 'warploom\[mcp\]'"):
        mcp_command.make_server(mcp_command.Opened(Played))  # type: ignore[arg-type]
    assert run(["mcp", "anywhere", "--problem", "softmax", "--json"]) == 2
    assert "pip install" in json.loads(capsys.readouterr().out)["error"]


# ------------------------------------------------------------ the skill


def test_the_skill_is_printed_and_installed(tmp_path: Path, capsys: Captured) -> None:
    assert run(["skill"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("---\nname: warploom\n")
    assert run(["skill", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"skill": text}
    for _ in range(2):
        assert run(["skill", str(tmp_path / "skills"), "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == {"installed": str(tmp_path / "skills" / "warploom" / "SKILL.md")}
    assert (tmp_path / "skills" / "warploom" / "SKILL.md").read_text() == text
    (tmp_path / "file").touch()
    assert run(["skill", str(tmp_path / "file")]) == 2
    assert "cannot write" in capsys.readouterr().err


def test_what_agents_read_speaks_of_commands_and_pages_that_exist() -> None:
    root = Path(__file__).resolve().parents[3]
    for page in ("AGENTS.md", "src/warploom/skill/SKILL.md", "docs/agents.md"):
        text = (root / page).read_text()
        named = set(re.findall(r"warploom ([a-z]+)\b", "\n".join(re.findall(r"`[^`]+`|```.*?```", text, re.DOTALL))))
        assert named - set(COMMANDS) - {"import"} == set(), page
        links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
        assert [link for link in links if not (root / page).parent.joinpath(link).exists()] == []
