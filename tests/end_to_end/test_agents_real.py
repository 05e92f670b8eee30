"""Outside agents on a real run: ask and tell by command line, then the official MCP client over stdio."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, StdioServerParameters

from warploom import open_run
from warploom.archive import journal as journals
from warploom.archive.integrity import inspect
from warploom.cli.main import run as command
from warploom.values.event import Evaluated, Promoted

PROBLEM = """
import torch

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
    for (volatile int again = 0; again < 20; again = again + 1) {
        for (int64_t i = 0; i < n; ++i) {
            out[i] = 2.0f * x[i] + 1.0f;
        }
    }
}
// EVOLVE-BLOCK-END
"""
ONCE = SEED.replace("again < 20", "again < 2")
FAST = SEED.replace("    for (volatile int again = 0; again < 20; again = again + 1) {", "    {")
WRONG = FAST.replace("+ 1.0f", "+ 1.5f")
EDIT = """IDEA: once is enough

<<<<<<< SEARCH
    for (volatile int again = 0; again < {0}; again = again + 1) {{
=======
    {{
>>>>>>> REPLACE
"""

pytestmark = pytest.mark.torch


def test_agents_with_a_shell_with_mcp_and_in_python_work_on_one_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "twice_and_one.py").write_text(PROBLEM)
    (tmp_path / "twice_and_one.seed.cpp").write_text(SEED)
    with_a_shell(tmp_path, capsys)
    with_mcp(tmp_path)
    in_python(tmp_path)


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> dict[str, Any]:
    assert command([*words, "--json"]) == code
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def with_a_shell(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, file = str(place / "run"), place / "answer.cpp"
    request = said(capsys, "ask", folder, "--problem", str(place / "twice_and_one.py"))
    assert request["id"] == 1
    assert "again < 20" in request["prompt"]
    assert "1237" not in request["prompt"], "a held-out shape is never shown"
    file.write_text(ONCE)
    told = said(capsys, "tell", folder, "1", str(file))
    assert told["passed"]
    assert told["promoted"]
    assert told["speedup"]["compile"]["median"] > 0
    file.write_text("int main() {}\n")
    refused = said(capsys, "tell", folder, "1", str(file), code=2)
    assert "was answered already" in refused["error"]
    assert said(capsys, "best", folder)["source"] == ONCE
    assert said(capsys, "show", folder)["evaluations"] == 2
    assert command(["ask", folder, "--quiet"]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"request 2 of {folder}")
    assert f"warploom tell {folder} 2 FILE" in text


def with_mcp(place: Path) -> None:
    folder = place / "run"
    server = StdioServerParameters(command=sys.executable, args=["-m", "warploom", "mcp", str(folder)], cwd=place)

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
            times = 20 if "again < 20" in request["prompt"].split("# The kernel")[1].split("```")[1] else 2
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


def in_python(place: Path) -> None:
    with open_run(place / "run") as run:
        request = run.ask()
        assert request.id == run.status()["open"][-1]
        assert run.ask(request.id) == request
