"""Outside agents on a real run: ask and tell by command line, then the official MCP client over stdio."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, StdioServerParameters

from warploom.archive import journal as journals
from warploom.archive.integrity import inspect
from warploom.cli.main import run as command
from warploom.values.event import Evaluated, Promoted

ROOT = Path(__file__).resolve().parents[2]
SKILL = "src/warploom/skill/SKILL.md"

PROBLEM = """
from warploom import Problem, Tensor, Workload

def twice_and_one(x):
    return 2 * x + 1

problem = Problem(
    name="twice_and_one",
    axes=("n",),
    inputs={"x": Tensor("n")},
    outputs={"out": Tensor("n")},
    reference=twice_and_one,
    workloads=[Workload(n=65536)],
    held_out=[Workload(n=1), Workload(n=1237)],
)
"""
SEED = """#include <cstdint>
// EVOLVE-BLOCK-START
extern "C" void twice_and_one(const float* x, float* out, int64_t n) {
    for (volatile int again = 0; again < 200; again = again + 1) {
        for (int64_t i = 0; i < n; ++i) {
            out[i] = 2.0f * x[i] + 1.0f;
        }
    }
}
// EVOLVE-BLOCK-END
"""
ONCE = SEED.replace("again < 200", "again < 2")
FAST = SEED.replace("    for (volatile int again = 0; again < 200; again = again + 1) {", "    {")
WRONG = FAST.replace("+ 1.0f", "+ 1.5f")
EDIT = """IDEA: once is enough

<<<<<<< SEARCH
    for (volatile int again = 0; again < {0}; again = again + 1) {{
=======
    {{
>>>>>>> REPLACE
"""

pytestmark = [pytest.mark.torch, pytest.mark.timeout(600), pytest.mark.usefixtures("brief", "judge_cache")]


def test_agents_with_a_shell_with_mcp_and_in_python_work_on_one_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "twice_and_one.py").write_text(PROBLEM)
    (tmp_path / "twice_and_one.seed.cpp").write_text(SEED)
    monkeypatch.chdir(tmp_path)
    with_a_shell(tmp_path, capsys)
    with_mcp(tmp_path)
    in_python(tmp_path, capsys)


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> dict[str, Any]:
    assert command([*words, "--json"]) == code
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def block(page: str, language: str) -> str:
    """The first fenced block of a page in this language."""
    text = (ROOT / page).read_text()
    return text.split(f"```{language}\n", 1)[1].split("```", 1)[0]


def with_a_shell(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Word for word as the skill has it."""
    lines = [shlex.split(line, comments=True) for line in block(SKILL, "sh").splitlines()]
    assert block("AGENTS.md", "sh") == block(SKILL, "sh")
    assert [words[:2] for words in lines] == [["warploom", word] for word in ("ask", "tell", "tell", "ask", "best")]
    (place / "kernel.cpp").write_text(ONCE)
    here = [["twice_and_one.py" if word == "softmax" else word for word in words[1:]] for words in lines]
    begun, draft, told = (said(capsys, *words) for words in here[:3])
    assert begun["id"] == 1
    assert "again < 200" in begun["prompt"]
    assert "1237" not in begun["prompt"], "a held-out shape is never shown"
    assert (draft["status"], draft["passed"]) == ("draft", True)
    assert told["passed"]
    following, best = (said(capsys, *words) for words in here[3:])
    assert following["id"] == 2
    assert best["source"] == (ONCE if told["promoted"] else SEED), "whichever was faster in the noise of this machine"
    assert best["speedup"]["compile"]
    assert best["evaluations"] == 2, "a draft does not count"
    (place / "kernel.cpp").write_text(FAST)
    refused = said(capsys, "tell", "runs/mine", "1", "kernel.cpp", code=2)
    assert "was answered already" in refused["error"]


def with_mcp(place: Path) -> None:
    folder = place / "runs" / "mine"
    told = json.loads(block("docs/agents.md", "json"))["mcpServers"]["warploom"]
    assert told["command"] == "warploom"
    words = ["twice_and_one.py" if word == "softmax" else word for word in told["args"]]
    server = StdioServerParameters(command=sys.executable, args=["-m", "warploom", *words], cwd=place)

    async def session() -> None:
        async with Client(server) as client:
            names = [tool.name for tool in (await client.list_tools()).tools]
            assert names == ["describe_problem", "ask", "judge_draft", "tell", "status", "best"]

            async def call(tool: str, **arguments: Any) -> dict[str, Any]:
                result = await client.call_tool(tool, arguments)
                assert not result.is_error, result.content
                found = result.structured_content
                assert isinstance(found, dict)
                return found

            described = (await call("describe_problem"))["result"]
            assert "return 2 * x + 1" in described
            assert "1237" not in described
            request = await call("ask")
            parent = await call("ask", id=request["id"])
            assert parent["prompt"] == request["prompt"]
            wrong = await call("judge_draft", id=request["id"], answer=WRONG)
            assert (wrong["status"], wrong["stage"], wrong["kind"]) == ("draft", "verify", "wrong_result")
            times = 200 if "again < 200" in request["prompt"].split("# The kernel")[1].split("```")[1] else 2
            draft = await call("judge_draft", id=request["id"], answer=EDIT.format(times))
            assert draft["passed"]
            assert draft["status"] == "draft"
            refused = await client.call_tool("tell", {"id": request["id"], "answer": "<<<<<<< SEARCH\nnot there\n"})
            assert refused.is_error
            assert "still open" in str(refused.content)
            told = await call("tell", id=request["id"], answer=EDIT.format(times))
            assert told["passed"]
            assert told["candidate"] == draft["candidate"]
            status = await call("status")
            assert request["id"] not in status["open"]
            best = await call("best")
            assert best["best"] == status["best"]
            assert "extern" in best["source"]

    anyio.run(session)
    inspect(folder)
    with journals.read(folder) as journal:
        events = list(journal.events())
    assert len([event for event in events if isinstance(event, Evaluated)]) == 3
    assert [event for event in events if isinstance(event, Promoted)]


def in_python(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Word for word as the page has it."""
    (place / "kernel.cpp").write_text(FAST.replace("2.0f * x[i]", "x[i] + x[i]"))
    text = block("docs/agents.md", "python").replace('"softmax"', '"twice_and_one.py"')
    names: dict[str, Any] = {}
    exec(compile(text, "agents.md", "exec"), names)
    assert names["reply"].passed
    assert names["draft"].candidate == names["reply"].candidate
    assert "extern" in capsys.readouterr().out
