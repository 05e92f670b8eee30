"""A command as the proposer of a run in the synthetic world."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from warploom.archive import journal as journals
from warploom.errors import ModelError
from warploom.testing.world import World
from warploom.values.event import Proposed

AGENT = """
import re, sys
sys.path[:0] = {path!r}
from warploom.testing.synthetic import synthetic_candidate
prompt = sys.stdin.read()
genes = [int(word) for word in re.search(r"genes\\[\\] = \\{{([-\\d, ]+)\\}}", prompt).group(1).split(",")]
calls = open("calls", "a+")
calls.seek(0)
count = len(calls.read())
calls.write("x")
if count == 2:
    print("I have no idea.")
else:
    genes[0], genes[5] = count % 10, 20 + count
    print("IDEA: another gene\\n```cpp\\n" + synthetic_candidate(tuple(genes)).source + "```")
"""


def test_a_command_writes_the_kernels_of_a_run_until_its_cap(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "agent.py").write_text(AGENT.format(path=sys.path))
    command = f"command:{sys.executable} agent.py"
    with world.begin(configured=command, evaluations=30, in_flight=1, max_requests=6) as run:
        summary = run.go()
    assert summary.ended == "the cap of 6 requests is reached"
    events = world.events()
    name = f"llm:command:{Path(sys.executable).name}"
    proposed = [event for event in events if isinstance(event, Proposed)]
    assert {event.proposer for event in proposed[1:]} == {name}
    assert proposed[1].note == "another gene"
    with journals.read(world.root / "run") as journal:
        said = list(journal.conversations.all())
        lineage = journal.proposal(proposed[1].candidate).lineage
    assert len(said) == 6
    assert said[2].answer == "I have no idea.\n"
    assert said[3].messages[-2].text.strip() == "I have no idea.", "what cannot be used goes back"
    assert lineage.prompt in {one.id for one in said}
    assert lineage.cost_usd == 0


def test_a_command_that_is_not_there_ends_the_sitting_with_one_line(world: World) -> None:
    with world.begin(configured="command:no-such-agent", evaluations=30) as run, pytest.raises(ModelError) as caught:
        run.go()
    assert "no-such-agent: not found" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
