"""``warploom evolve --proposer llm`` on the real thing: a server that repeats the key wherever it can, and caps."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from warploom.testing.chat_server import Call, ChatServer, Reaction

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("judge_cache")]

KEY = "sk-end-to-end/0123456789abcdef"

PROBLEM = '''
"""Twice."""

from warploom.values.problem import Problem, Tensor, Workload


def twice(x):
    return x + x


problem = Problem(
    name="twice",
    title="twice",
    axes=("n",),
    inputs={"x": Tensor("n")},
    outputs={"out": Tensor("n")},
    reference=twice,
    workloads=[Workload(n=65536)],
    held_out=[Workload(n=1)],
)
'''

HEAD = "#include <cstdint>\n#include <cstdlib>\n"
KERNEL = """extern "C" void twice(const float* x, float* out, int64_t n) {
    for (int64_t i = 0; i < n; ++i) out[i] = 2.0f * x[i];
}
"""
SIMD = KERNEL.replace("    for", "    #pragma omp simd\n    for")
CURIOUS = KERNEL.replace("2.0f *", 'std::getenv("OPENAI_API_KEY") ? x[0] : 2.0f *')
"""Wrong where it can see the key."""


def react(call: Call) -> Reaction:
    echo = f"your request had Authorization: {call.authorization}"
    if call.number == 0:
        return Reaction(status=500, error={"message": echo}, headers={"Retry-After": "0"})
    if call.number == 1:
        return Reaction(f"IDEA: {echo}\n```cpp\n// {echo}\n{HEAD}{SIMD}```\n")
    if call.number == 2:
        return Reaction(f"IDEA: look around\n```cpp\n{HEAD}{CURIOUS}```\n")
    if call.number == 3:
        return Reaction(None, refusal=echo)
    return Reaction(f"{echo}: nothing more", prompt_tokens=700, completion_tokens=40)


def evolve(folder: Path, server: ChatServer, *words: str) -> tuple[subprocess.CompletedProcess[str], set[str]]:
    """The command, and the names of its descendants that were seen with the key in their environment.

    How fast its kernels are is not asked, so it measures no longer than it must.
    """
    (folder / "twice.py").write_text(PROBLEM)
    (folder / "twice.seed.cpp").write_text(HEAD + KERNEL)
    command = [sys.executable, "-m", "warploom.testing.brief", "evolve", "twice.py", "--proposer", "llm", "--base-url"]
    model = ["--model", "m,max_tokens=2000,price=1/10"]
    process = subprocess.Popen(
        [*command, server.base_url, *model, "--run", "run", "--in-flight", "2", *words],
        cwd=folder,
        env={**os.environ, "OPENAI_API_KEY": KEY},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    leaky: set[str] = set()
    over = threading.Event()

    def watch() -> None:
        parent = psutil.Process(process.pid)
        while not over.wait(0.01):
            for child in children(parent):
                try:
                    words = child.cmdline()
                    forked = "--proposer" in words  # and about to become something else
                    if child.environ().get("OPENAI_API_KEY") and not forked:
                        leaky.add(" ".join(words))
                except (psutil.Error, OSError):
                    continue

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        out, err = process.communicate(timeout=240)
    finally:
        over.set()
        watcher.join()
        process.kill()
    return subprocess.CompletedProcess(command, process.returncode, out, err), leaky


def children(parent: psutil.Process) -> list[psutil.Process]:
    try:
        return list(parent.children(recursive=True))
    except psutil.Error:
        return []


def everything(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file, and every value of every table, unpacked."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield str(path), path.read_bytes()
    with closing(sqlite3.connect(folder / "run" / "journal.db")) as database:
        for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in database.execute(f"SELECT * FROM {table}"):
                for value in row:
                    if isinstance(value, bytes):
                        yield table, zlib.decompress(value)


def test_a_run_to_its_cap_leaves_no_key_anywhere(tmp_path: Path) -> None:
    with ChatServer(react) as server:
        done, leaky = evolve(tmp_path, server, "--max-tokens-total", "30000", "--json", "--quiet")
        assert server.calls[0].authorization == f"Bearer {KEY}"
    assert done.stderr == ""
    found: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == (0 if found["best"] else 1), "a cap is a limit like any other"
    assert re.match(r"the cap of 30000 tokens is reached", found["ended"]), found["ended"]
    assert found["finished"]
    assert found["models"]["requests"] == server.requests > 4
    assert server.tokens <= found["models"]["tokens"] <= 30_000
    assert found["models"]["by_model"]["m"]["proposed"] == 2
    assert found["failures"] == {}, "a kernel that saw the key was wrong"
    assert found["evaluations"] == 3

    half = KEY[:14].encode()
    names = []
    for name, data in everything(tmp_path):
        names.append(name)
        assert half not in data, name
    assert "exchanges" in names
    assert half.decode() not in done.stdout + done.stderr
    assert leaky == set()

    shown = subprocess.run(
        [sys.executable, "-m", "warploom", "show", "run"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert f"models    {found['models']['tokens']:,} tokens" in shown.stdout.replace("\n", " ")


def test_a_key_that_is_refused_is_one_line_and_exit_code_two(tmp_path: Path) -> None:
    with ChatServer(lambda call: Reaction(status=401, error={"message": call.authorization})) as server:
        done, _ = evolve(tmp_path, server, "--quiet")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    assert "refuses the key (401)" in done.stderr
    assert KEY not in done.stderr
