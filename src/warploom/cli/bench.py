"""``warploom bench``: a whole suite, evolved problem by problem, in one comparable table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from warploom import __version__
from warploom.cli.addressed import Root, Scale, Trust
from warploom.cli.console import Json, aside, out, print_json
from warploom.cli.follow import take_up
from warploom.errors import ConfigError
from warploom.report.progress import Progress
from warploom.report.suite.comparison import comparison_object, render_comparison
from warploom.report.suite.page import FILE, write_suite_page
from warploom.report.suite.table import ends_words, render_results, results_object
from warploom.search.run import Run
from warploom.search.state import State
from warploom.search.suite.bench import RESULTS, Results
from warploom.search.suite.bench import bench as run_bench
from warploom.search.suite.compare import compare
from warploom.search.suite.listing import list_suite
from warploom.search.suite.plan import Plan
from warploom.search.suite.row import Row
from warploom.search.suite.tools import local_tools
from warploom.search.suite.turn import View
from warploom.values.config import STRATEGIES, RunConfig
from warploom.values.event import Event

DEFAULT = RunConfig(problem="")
COMPARE = "compare"
BENCHMARKS = Path("runs/bench")
"""Where benchmarks go when nobody says where."""


def bench(
    suite: Annotated[
        list[str],
        typer.Argument(
            metavar="SUITE…",
            help="catalog, kernelbench:LEVEL, kernelbench:LEVEL/1-40,50, gpumode:DIR, a folder of problem files, a "
            "text file that lists problems, or single problems. Or: compare DIR DIR…, for benchmarks that were run.",
        ),
    ],
    to: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Its directory, gone on with if it is there. [default: runs/bench/…]",
        ),
    ] = None,
    evaluations: Annotated[int, typer.Option(help="Judged candidates a problem at most.")] = DEFAULT.evaluations,
    minutes: Annotated[float | None, typer.Option(help="Minutes a problem at most.")] = DEFAULT.minutes,
    patience: Annotated[
        int | None, typer.Option(help="Stop a problem after so many evaluations without a better candidate.")
    ] = DEFAULT.patience,
    seed: Annotated[int, typer.Option(help="Seed of every search.")] = DEFAULT.seed,
    strategy: Annotated[str, typer.Option(help=f"One of: {', '.join(STRATEGIES)}.")] = DEFAULT.strategy,
    proposer: Annotated[
        str,
        typer.Option(help="Who writes kernels, as for evolve: moves, llm, mix, or command:'…'.", show_default=False),
    ] = "auto",
    model: Annotated[
        list[str] | None, typer.Option(metavar="NAME[,…]", help="A language model, as for evolve; repeatable.")
    ] = None,
    base_url: Annotated[str, typer.Option(metavar="URL", help="Server of the models.")] = DEFAULT.base_url,
    max_usd: Annotated[float | None, typer.Option(help="Dollars for models a problem at most.")] = DEFAULT.max_usd,
    quarantine: Annotated[
        bool, typer.Option("--quarantine", help="Leave out problems that fail `warploom audit`, and name them.")
    ] = False,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="The page. [default: report.html in the directory]")
    ] = None,
    root: Root = None,
    scale: Scale = "",
    trust: Trust = False,
    json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only the tables.")] = False,
) -> int:
    """Evolve every problem of a suite under one budget. Kill it anywhere: the same command goes on.

    fast_p as KernelBench has it, means, and how much of the gap to the machine's bound was closed, over eager and
    torch.compile, by level and kind: as tables, as results.jsonl and as a page.
    """
    if suite[0] == COMPARE:
        return _compare([Path(word) for word in suite[1:]], json=json)
    asked = {
        "evaluations": evaluations,
        "minutes": minutes,
        "patience": patience,
        "seed": seed,
        "strategy": strategy,
        "proposer": proposer,
        "models": list(model or ()),
        "base_url": base_url,
        "max_usd": max_usd,
    }
    RunConfig.from_mapping({"problem": "", **asked})  # a wrong setting is said before anything is looked at
    entries = list_suite(suite, root, scale, trust)
    folder = to if to is not None else BENCHMARKS / _slug(suite)
    plan = Plan(tuple(suite), entries, asked, quarantine, __version__)
    page = html if html is not None else folder / FILE
    if page.is_dir():
        raise ConfigError(f"--html {page} is a folder; give a file, such as {page / FILE}")
    shown = _Shown(len(entries), quiet=quiet)
    results = run_bench(folder, plan, local_tools(), shown.watch, shown.begin, shown.finish)
    write_suite_page(results, page)
    _say(results, page, json=json)
    return 0 if not results.finished or any(row.correct for row in results.rows) else 1


def _say(results: Results, page: Path, *, json: bool) -> None:
    lines = results.folder / RESULTS
    if json:
        print_json({**results_object(results), "results": str(lines), "page": str(page)})
    else:
        out().print(render_results(results), soft_wrap=True)
        out().print(f"\nlines     {lines}\npage      {page}", soft_wrap=True, markup=False)


def _compare(folders: list[Path], *, json: bool) -> int:
    found = compare(folders)
    if json:
        print_json(comparison_object(found))
    else:
        out().print(render_comparison(found))
    return 0


def _slug(suite: list[str]) -> str:
    """A directory's name for a suite."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", " ".join(suite)).strip("-.")[:80]
    if not name:
        raise ConfigError("give the benchmark a directory with --out DIR")
    return name


class _Shown:
    """What is told while a benchmark runs, on stderr.

    Args:
        problems: how many there are.
        quiet: tell nothing.
    """

    def __init__(self, problems: int, *, quiet: bool) -> None:
        self._problems, self._quiet = problems, quiet
        self._console = aside()

    def begin(self, place: int, row: Row) -> None:
        """A problem's turn begins."""
        if not self._quiet and self._console.is_terminal:
            self._console.print(Text(f"[{place}/{self._problems}] {row.id}", style="dim"))

    def finish(self, place: int, row: Row) -> None:
        """A problem's turn is over."""
        if not self._quiet:
            said = f"{ends_words(row.speedup.get('eager'))} over eager" if row.correct else row.reason
            line = f"[{place}/{self._problems}] {row.id}: {row.status}: {said} ({row.minutes:.1f} min)"
            self._console.print(Text(line), soft_wrap=True)

    @contextmanager
    def watch(self) -> Iterator[View]:
        """A live view of each run on a terminal; nothing elsewhere."""
        if self._quiet or not self._console.is_terminal:
            yield _Unseen()
            return
        with Progress(self._console) as progress:
            yield _Live(progress)


class _Live:
    """One run's live view."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def note(self, line: str) -> None:
        """What is being done."""
        self._progress.note(line)

    def take_up(self, run: Run) -> None:
        """What earlier sittings did."""
        take_up(self._progress, run)

    def observe(self, event: Event, state: State) -> None:
        """One event."""
        self._progress.observe(event, state)


class _Unseen:
    """Shows nothing."""

    def note(self, line: str) -> None:
        """Not told."""

    def take_up(self, run: Run) -> None:
        """Not shown."""

    def observe(self, event: Event, state: State) -> None:
        """Not shown."""
