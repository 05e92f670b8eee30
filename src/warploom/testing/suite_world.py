"""A suite of synthetic problems: everything is real but problems, judge and proposer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from warploom.archive import journal as journals
from warploom.errors import ProblemError, ReferenceFailed
from warploom.search.executor import LocalExecutor
from warploom.search.run import Run
from warploom.search.sitting import Parts, begin, go_on
from warploom.search.state import State
from warploom.search.suite.bench import Results, bench
from warploom.search.suite.listing import Entry
from warploom.search.suite.plan import Plan
from warploom.search.suite.row import Row
from warploom.search.suite.tools import Tools
from warploom.testing.chronicle import ENVIRONMENT
from warploom.testing.synthetic import SyntheticJudge, SyntheticProposer, synthetic_candidate, synthetic_problem
from warploom.values.audit import Audit, Encounter, Finding, Pretender, Trial
from warploom.values.config import RunConfig
from warploom.values.event import Event
from warploom.values.problem import Problem
from warploom.values.work import Work

ASKED: dict[str, Any] = {"evaluations": 8, "seed": 1, "proposer": "moves"}
WORK = Work("pointwise", ("mul",), {"n=1024": 1024}, {"n=1024": 0})


def plan_of(*names: str, quarantine: bool = False, **asked: Any) -> Plan:
    """A plan for synthetic problems of these names."""
    entries = tuple(Entry(name, name, "even" if len(name) % 2 == 0 else "odd") for name in names)
    return Plan(names, entries, {**ASKED, **asked}, quarantine, "0.1.0")


@dataclass
class SuiteWorld:
    """Runs benchmarks, and remembers what was asked of its tools.

    Attributes:
        root: gets a directory for each benchmark.
        broken: problem → why it cannot be loaded.
        unseeded: problems without a starting implementation beside them.
        lowered: problem → the source that is made of its reference, or what is raised instead.
        faulty: problems that fail their audit.
        uncounted: problems whose work cannot be told.
        seed_genes: of the starting candidate.
        failing: share of the candidates that fail.
        watcher: told every event.
        said: what was asked and told, in order.
        begun: place and id of each problem whose turn began.
        finished: place, id and status of each whose turn was over.
        configs: problem → configuration of its run.
    """

    root: Path
    broken: Mapping[str, str] = field(default_factory=dict)
    unseeded: set[str] = field(default_factory=set)
    lowered: Mapping[str, str | Exception] = field(default_factory=dict)
    faulty: set[str] = field(default_factory=set)
    uncounted: set[str] = field(default_factory=set)
    seed_genes: tuple[int, ...] = (0, 0, 0, 0, 0, 0)
    failing: float = 0.0
    watcher: Callable[[Event], None] = lambda event: None
    said: list[str] = field(default_factory=list)
    begun: list[tuple[int, str]] = field(default_factory=list)
    finished: list[tuple[int, str, str]] = field(default_factory=list)
    configs: dict[str, RunConfig] = field(default_factory=dict)

    def bench(self, plan: Plan, name: str = "bench") -> Results:
        """Run a benchmark, or go on with it."""
        return bench(
            self.root / name,
            plan,
            self.tools(),
            self.watch,
            lambda place, row: self.begun.append((place, row.id)),
            self._finish,
        )

    def _finish(self, place: int, row: Row) -> None:
        self.finished.append((place, row.id, row.status))

    def tools(self) -> Tools:
        """All of them are of this world."""
        return Tools(self.load, self.work, self.audit, self.find_seed, self.lower, self.start, self.reopen)

    def load(self, address: str) -> Problem:
        """The synthetic problem, its address for a title."""
        if address in self.broken:
            raise ProblemError(self.broken[address])
        self.said.append(f"load {address}")
        return replace(synthetic_problem(), title=address)

    def work(self, problem: Problem) -> Work:
        """One operation an element."""
        self.said.append(f"work {problem.title}")
        if problem.title in self.uncounted:
            raise ReferenceFailed("it ended")
        return WORK

    def audit(self, problem: Problem, note: Callable[[str], None]) -> Audit:
        """One pretender, all zeros."""
        self.said.append(f"audit {problem.title}")
        let_through = Encounter("n=1", True, "" if problem.title in self.faulty else "wrong_result", 0.0)
        trial = Trial(Pretender("constant", "zeros", (), "all zeros"), (let_through,))
        findings = (Finding(False, "a remark", "none"),)
        return Audit(problem.name, problem.hash, (trial,), findings, 1)

    def find_seed(self, address: str, target: str) -> Path:
        """A place; nothing is read there."""
        if address in self.unseeded:
            raise ProblemError("there is none beside it")
        return self.root / "seed.cpp"

    def lower(self, problem: Problem, target: str) -> str:
        """What the test wants."""
        if problem.title not in self.lowered:
            raise ProblemError(f"{problem.title}: it uses aten.erfinv, which has no lowering")
        made = self.lowered[problem.title]
        if isinstance(made, Exception):
            raise made
        return made

    def start(self, folder: Path, config: RunConfig, note: Callable[[str], None]) -> Run:
        """A synthetic run."""
        self.configs[folder.name] = config
        self.said.append(f"start {folder.name}")
        problem = replace(synthetic_problem(), title=config.problem)
        return begin(folder, config, problem, self._seed(problem), self._parts())

    def reopen(self, folder: Path, note: Callable[[str], None]) -> Run:
        """The run goes on with new objects."""
        self.said.append(f"reopen {folder.name}")
        journal = journals.reopen(folder)
        problem = replace(synthetic_problem(), title=str(journal.started.problem["title"]))
        return go_on(journal, self._seed(problem), self._parts())

    def _seed(self, problem: Problem) -> Any:
        return synthetic_candidate(self.seed_genes, problem.hash)

    def _parts(self) -> Parts:
        return Parts(LocalExecutor(SyntheticJudge(self.failing), 1), lambda journal: SyntheticProposer(), ENVIRONMENT)

    @contextmanager
    def watch(self) -> Iterator[Any]:
        """A view that passes events on."""
        yield _View(self)


class _View:
    def __init__(self, world: SuiteWorld) -> None:
        self._world = world

    def note(self, line: str) -> None:
        self._world.said.append(line)

    def take_up(self, run: Run) -> None:
        self._world.said.append(f"take up {run.folder.name}")

    def observe(self, event: Event, state: State) -> None:
        self._world.watcher(event)
