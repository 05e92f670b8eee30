"""Writes the journal of a run that never was: every event as the test wants it, for what reads journals."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from sqlite3 import Connection
from types import TracebackType
from typing import Any

from warploom.archive.journal import create
from warploom.testing.synthetic import synthetic_candidate, synthetic_problem
from warploom.values.candidate import Candidate, Lineage, Proposal, Scalar, Step
from warploom.values.config import RunConfig
from warploom.values.ends import Ends
from warploom.values.event import Asked, Evaluated, Member, NotPromoted, Promoted, Proposed, RunEnded, RunStarted
from warploom.values.exchange import Exchange
from warploom.values.outcome import Build, Check, Failed, Mint, Passed, Timing, Verdict
from warploom.values.problem import Workload, describe

ENVIRONMENT: Mapping[str, Any] = {
    "hardware": {"cpu": "a processor", "cores": 2, "memory_bytes": 25e9},
    "reference": {"torch": "2.13.0", "threads": 2},
    "toolchain": "g++ 12.2.0",
    "noise_floor": 0.01,
    "roofline": {"bytes_per_ns": {"4096": 400.0, "1048576": 100.0}, "operations_per_ns": 200.0},
    "sandbox": {"jail": "bubblewrap", "gaps": []},
}


class Chronicle:
    """A journal while it is written; use it as a context manager.

    Args:
        folder: of the run; made here.
        title: of the problem.
        operations: of the problem, as an axis expression.
        environment: what the judge said of the machine, in the place of :data:`ENVIRONMENT`.
        config: further settings of the run.
    """

    def __init__(
        self,
        folder: Path,
        *,
        title: str = "twice its input",
        operations: str = "n",
        environment: Mapping[str, Any] = ENVIRONMENT,
        **config: Any,
    ) -> None:
        problem = replace(synthetic_problem(), title=title, operations=operations)
        settings = asdict(RunConfig("twice", **{"evaluations": 100, **config}))
        self.folder = folder
        self.journal = create(folder, RunStarted(settings, describe(problem), environment, "0.1.0"))
        self._number = 0
        self._members: dict[str, Member] = {}

    def __enter__(self) -> Chronicle:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.journal.close()

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """All that is written inside is one transaction: a long run is made up in seconds."""
        store = self.journal._store
        with store.transaction(flush=False) as database:

            @contextmanager
            def inside(*, flush: bool = True) -> Iterator[Connection]:
                yield database

            store.transaction = inside  # type: ignore[method-assign]
            try:
                yield
            finally:
                del store.transaction

    def judged(
        self,
        fitness: float | None,
        *,
        parent: str = "",
        proposer: str = "",
        operator: str = "",
        note: str = "",
        steps: tuple[Step, ...] = (),
        parameters: tuple[tuple[str, Scalar], ...] = (),
        flags: tuple[str, ...] = (),
        spread: float = 0.01,
        ends: Ends | None = None,
        cell: tuple[int, ...] = (0, 0, 0),
        island: int = 0,
        status: str = "new",
        failure: tuple[str, str, str] = ("verify", "wrong_result", "it was 3 at [5], not 4"),
        source: str = "",
        seconds: Mapping[str, float] | None = None,
        prompt: str = "",
    ) -> str:
        """A candidate with this log speedup; None when it failed (``failure``: stage, kind, message). Gives its id."""
        number = self._number
        self._number += 1
        candidate = self._candidate(number, source, parameters, flags)
        members = (self._members[parent],) if parent else ()
        self.journal.append(Asked(number, operator, members, (), None, island, number, 0.0))
        maker = proposer or ("moves" if parent else "seed")
        lineage = Lineage((parent,) if parent else (), maker, operator, "", steps, note, prompt)
        self.journal.append(
            Proposed(number, candidate.id, maker, operator, note), proposal=Proposal(candidate, lineage)
        )
        took = {name: round(value * 1e9) for name, value in (seconds or {"build": 0.1, "time": 0.4}).items()}
        if fitness is None:
            stage, kind, message = failure
            failed = Failed(stage, kind, message, elapsed_ns=took)
            event = Evaluated(number, candidate.id, kind, stage, message, None, 0.0, None, island, "failed")
            self.journal.append(event, evaluation=failed, elapsed=self._seconds)
            return candidate.id
        self._members[candidate.id] = Member(candidate.id, fitness, spread, cell, island, ends)
        event = Evaluated(number, candidate.id, "passed", "", "", fitness, spread, cell, island, status, ends)
        passed = self._passed(candidate, fitness, ("eager",), 5, {}, took)
        self.journal.append(event, evaluation=passed, elapsed=self._seconds)
        return candidate.id

    def promoted(self, candidate: str, fitness: float, *, busy: float | None = None, floor: float = 0.01) -> None:
        """It held: eager and ``torch.compile``, which is a tenth faster than eager here."""
        body = self.journal.proposal(candidate).candidate
        environment = {"noise_floor": floor} | ({} if busy is None else {"busy": busy})
        evaluation = self._passed(body, fitness, ("eager", "compile"), 30, environment, {"time": 2 * 10**9})
        speed, compiled = math.exp(fitness), math.exp(fitness) / 1.1
        found = {"eager": (speed, speed * 0.99, speed * 1.01), "compile": (compiled, compiled, compiled)}
        event = Promoted(candidate, fitness, 0.01, found, 0.5)
        self.journal.append(event, evaluation=evaluation, occasion="promote", elapsed=self._seconds)

    def refused(self, candidate: str, fitness: float | None) -> None:
        """It did not hold."""
        event = NotPromoted(candidate, "it was luck", fitness, 0.02)
        self.journal.append(event, elapsed=self._seconds)

    def told(self, model: str, tokens: int, usd: float | None, answer: str = "") -> None:
        """A model answered."""
        from_ = Exchange(self._number, 0, "improve", model, (), answer, cost_usd=usd)
        usage = replace(from_.usage, prompt=tokens)
        self.journal.conversations.record(replace(from_, usage=usage))

    def ended(self, reason: str = "100 evaluations are done") -> None:
        """The run is over."""
        self.journal.append(RunEnded(reason), elapsed=self._seconds)

    @property
    def _seconds(self) -> float:
        return float(self._number)

    def _candidate(
        self, number: int, source: str, parameters: tuple[tuple[str, Scalar], ...], flags: tuple[str, ...]
    ) -> Candidate:
        plain = synthetic_candidate()
        text = f"{source or plain.source}// candidate {number}\n"
        return replace(plain, sources=(("twice.cpp", text),), parameters=parameters, build_flags=flags)

    def _passed(
        self,
        candidate: Candidate,
        fitness: float,
        baselines: tuple[str, ...],
        pairs: int,
        environment: Mapping[str, Any],
        took: Mapping[str, int],
    ) -> Passed:
        rng = random.Random(candidate.id)
        timings = []
        for baseline in baselines:
            reference = 1e6 if baseline == "eager" else 1e6 / 1.1
            own = tuple(1e6 / math.exp(fitness) * math.exp(rng.gauss(0, 0.003)) for _ in range(pairs))
            timings.append(Timing(Workload(n=1024), baseline, own, (reference,) * pairs))
        return Passed(
            build=Build("twice.so", candidate.id, "g++ 12.2.0", ("g++", "-O3"), "", 0),
            verdict=Verdict((Check("n=1024", 1, 0.0, 0.5, 0), Check("n=1", 2, 0.0, 0.25, 0, held_out=True))),
            timings=tuple(timings),
            environment=environment,
            elapsed_ns=took,
            mint=Mint(candidate.id, candidate.id * 4, candidate.problem, "none", "none"),
        )
