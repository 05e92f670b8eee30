"""Prompts of every shipped problem: what must be in them, and what must never be."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest

from warploom.problems.load import find_seed, load_catalog
from warploom.propose.writer import Writer
from warploom.propose.writing.operators import OPERATORS
from warploom.propose.writing.prompt import PROMPT_CHARACTERS
from warploom.testing.minds import Notebook
from warploom.values.behaviour import Resolution
from warploom.values.candidate import Candidate, Lineage, Proposal
from warploom.values.outcome import Build, Check, Failed, Passed, Timing, Verdict
from warploom.values.problem import Problem, Reference, Workload
from warploom.values.request import Feedback, Individual, Request

pytestmark = pytest.mark.torch

ENVIRONMENT: dict[str, Any] = {
    "hardware": {"cpu": "A processor avx2", "cores": 2, "caches_bytes": {"L1": 32768}, "key": "0123456789ab"},
    "roofline": {"bytes_per_ns": {"1048576": 100.0}, "operations_per_ns": 200.0},
}


def judged(problem: Problem, rng: random.Random, secrets: list[str]) -> Passed:
    """An evaluation as the judge gives it: checks of everything, held-out ones too, with their seeds."""
    checks = []
    for workload in (*problem.workloads, *problem.held_out):
        seed = rng.getrandbits(61) | 1 << 60
        secrets.append(str(seed))
        checks.append(Check(str(workload), seed, 1e-7, 0.5, 5, held_out=workload in problem.held_out))
    timings = [Timing(workload, "eager", (1e6,) * 6, (2e6,) * 6) for workload in problem.workloads]
    return Passed(Build("k.so", "00", "g++", (), "", 1, {"instructions": 99}), Verdict(tuple(checks)), tuple(timings))


def spellings(workload: Workload, shown: set[str]) -> list[re.Pattern[str]]:
    """Every way in which the shape might be written; extents that are shown for other reasons are no secret alone."""
    lengths = [str(length) for _, length in workload.axes]
    named = [f"{name} ?= ?{length}" for name, length in workload.axes]
    if len(lengths) == 1:
        return [re.compile(rf"\b{named[0]}\b"), re.compile(rf"\b{lengths[0]}\b")] if lengths[0] not in shown else []
    return [re.compile(r"\b" + r" ?[,x×; ] ?".join(words) + r"\b") for words in (lengths, named)]


def test_no_prompt_of_the_catalog_tells_what_is_held_out() -> None:
    rng = random.Random(5)
    for name, problem in load_catalog().items():
        secrets: list[str] = []
        assert isinstance(problem.reference, Reference)
        text = find_seed(name).read_text()
        seed = Candidate(problem.hash, "cpp", ((f"{name}.cpp", text),), name)
        broken = Candidate(problem.hash, "cpp", ((f"{name}.cpp", f"// broken\n{text}"),), name)
        shape = str(problem.held_out[0]).partition(":")[0]
        failed = Failed(
            "verify",
            "wrong_result",
            f"held-out workload 1 of {len(problem.held_out)} ({problem.held_out[0].recipe} values): output 'out': "
            "element 31337 is 1.5, expected 2.5 ± 1e-06 (31338 of 32123 near it are off)",
            log_tail=f"the kernel was called with {shape}",
        )
        secrets += ["31337", "31338", "32123"]
        notebook = Notebook(ENVIRONMENT, {seed.id: judged(problem, rng, secrets), broken.id: failed})
        parent = Individual(seed, Lineage(), 0.1, (0, 0, 0))
        made = Proposal(broken, Lineage((seed.id,), "llm:m", "improve"))
        notebook.proposals[broken.id] = made
        writer = Writer(problem, None, notebook, Resolution((4, 4, 4)))
        request = Request(1, "improve", (parent,), (parent,), (1, 1, 1), 0, 123456789123)
        writer.tell(Feedback(request, made, failed, None, 0.1, 0.1, "failed"))
        for operator in OPERATORS:
            asked = Request(1, operator, (parent,), (parent,), (1, 1, 1), 0, 123456789123)
            prompt = "\n".join(message.text for message in writer.prepare(asked).messages)
            assert len(prompt) <= PROMPT_CHARACTERS
            assert f"def {problem.reference.name}(" in prompt, "the formula is at hand"
            for workload in problem.workloads:
                assert ", ".join(f"{axis}={length}" for axis, length in workload.axes) in prompt
            shown = set(re.findall(r"\d+", prompt.partition("# What limits it")[0]))
            for workload in problem.held_out:
                for pattern in spellings(workload, shown):
                    assert not pattern.search(prompt), (name, operator, str(workload), pattern.pattern)
            for secret in (*secrets, "123456789123", "held", "0123456789ab", "Workload("):
                assert secret not in prompt, (name, operator, secret)
