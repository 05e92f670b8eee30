"""``warploom evolve``: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from warploom.cli.console import Json, ProblemWord, aside
from warploom.cli.follow import follow
from warploom.errors import ConfigError, InputError
from warploom.judge.places import require_device
from warploom.search.run import start
from warploom.search.task import load_task, notes
from warploom.values.config import STRATEGIES, TARGETS, RunConfig
from warploom.values.plain_text import printable
from warploom.values.target import VENDORS

RUNS = Path("runs")
"""Where runs go when nobody says where."""

DEFAULT = RunConfig(problem="")

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only the summary.")]


def evolve(
    problem: ProblemWord,
    target: Annotated[str, typer.Option(help=f"Language of the kernels: {', '.join(TARGETS)}.")] = DEFAULT.target,
    evaluations: Annotated[
        int, typer.Option(help="Judged candidates at most, failed ones and the seed included.")
    ] = DEFAULT.evaluations,
    minutes: Annotated[float | None, typer.Option(help="Minutes at most, over all sittings.")] = DEFAULT.minutes,
    patience: Annotated[
        int | None, typer.Option(help="Stop after so many evaluations without a better candidate.")
    ] = DEFAULT.patience,
    target_speedup: Annotated[
        float | None, typer.Option(help="Stop when a promoted kernel is so many times faster than eager.")
    ] = DEFAULT.target_speedup,
    target_roofline: Annotated[
        float | None, typer.Option(help="Stop when a promoted kernel reaches this fraction of the roofline.")
    ] = DEFAULT.target_roofline,
    seed: Annotated[int, typer.Option(help="Seed of the search.")] = DEFAULT.seed,
    strategy: Annotated[str, typer.Option(help=f"One of: {', '.join(STRATEGIES)}.")] = DEFAULT.strategy,
    islands: Annotated[int, typer.Option(help="Number of islands; 0 fits it to the budget.")] = DEFAULT.islands,
    crossover: Annotated[
        bool, typer.Option("--crossover/--no-crossover", help="Whether two parents may be combined.")
    ] = DEFAULT.crossover,
    bandit: Annotated[
        bool, typer.Option("--bandit/--no-bandit", help="Whether operators are chosen by what they paid so far.")
    ] = DEFAULT.bandit,
    proposer: Annotated[
        str,
        typer.Option(
            help="Who writes kernels: moves, llm, mix (both), or command:'…' (a command for each prompt). "
            "[default: mix where a model is named, else moves]",
            show_default=False,
        ),
    ] = "auto",
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[,…]",
            help="A language model; may be given several times. After the name: weight=, temperature=, effort=, "
            "max_tokens=, price=IN/OUT (dollars per million tokens), logprobs=yes.",
        ),
    ] = None,
    base_url: Annotated[
        str, typer.Option(metavar="URL", help="Server of the models. [default: $OPENAI_BASE_URL, else OpenAI's]")
    ] = DEFAULT.base_url,
    max_tokens_total: Annotated[
        int | None, typer.Option(help="Tokens of models at most, over all sittings.")
    ] = DEFAULT.max_tokens_total,
    max_usd: Annotated[
        float | None, typer.Option(help="Dollars for models at most, over all sittings.")
    ] = DEFAULT.max_usd,
    max_requests: Annotated[
        int | None, typer.Option(help="Requests to models at most, over all sittings.")
    ] = DEFAULT.max_requests,
    in_flight: Annotated[
        int, typer.Option(help="Requests at work at a time; 0 fits it to the proposer.")
    ] = DEFAULT.in_flight,
    attempt_seconds: Annotated[float, typer.Option(help="One request to a model at most.")] = DEFAULT.attempt_seconds,
    answer_seconds: Annotated[
        float, typer.Option(help="One answer of a model at most, with all attempts and waits.")
    ] = DEFAULT.answer_seconds,
    prompts: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Templates that replace the shipped ones of the same name."),
    ] = None,
    replay: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Give the answers of this run again, or of a file by `warploom record`."),
    ] = None,
    start_from: Annotated[
        Path | None,
        typer.Option(
            "--start",
            metavar="FILE",
            help="Start from this source instead of the problem's seed (or of its reference as plain C++ loops).",
        ),
    ] = None,
    run: Annotated[
        Path | None, typer.Option("--run", metavar="DIR", help="The run's directory. [default: runs/<problem>-<n>]")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Evolve a kernel: propose, build, verify, time, keep the best. Ctrl-C stops cleanly; `resume` goes on.

    A program with an evaluator of its own (`openevolve:DIR`) is evolved too; what it gets is a score, and no speedup.
    """
    if target in VENDORS:
        require_device(target)
    if start_from is not None and not start_from.is_file():
        raise ConfigError(f"--start {start_from}: there is no such file")
    if prompts is not None and not prompts.is_dir():
        raise ConfigError(f"--prompts {prompts}: there is no such directory")
    task = load_task(problem)
    for line in notes(task) if not quiet else ():
        aside().print(printable(line), style="dim", markup=False, soft_wrap=True)
    config = RunConfig(
        problem=problem,
        target=target,
        evaluations=evaluations,
        minutes=minutes,
        patience=patience,
        target_speedup=target_speedup,
        target_roofline=target_roofline,
        seed=seed,
        strategy=strategy,
        islands=islands,
        crossover=crossover,
        bandit=bandit,
        in_flight=in_flight,
        proposer=proposer,
        models=tuple(model or ()),
        base_url=base_url,
        max_tokens_total=max_tokens_total,
        max_usd=max_usd,
        max_requests=max_requests,
        attempt_seconds=attempt_seconds,
        answer_seconds=answer_seconds,
        prompts=str(prompts.absolute()) if prompts is not None else "",
        replay=str(replay.absolute()) if replay is not None else "",
        start=str(start_from.absolute()) if start_from is not None else "",
    )
    folder = run if run is not None else next_directory(RUNS, task.name)
    return follow(lambda note: start(folder, config, progress=note), folder, json=json, quiet=quiet)


def next_directory(runs: Path, name: str) -> Path:
    """``runs/<name>-<n>``, with the smallest n from 1 that is free.

    Raises:
        InputError: the directory of runs is a file.
    """
    if runs.exists() and not runs.is_dir():
        raise InputError(f"{runs} is a file; give the run a directory of its own with --run DIR")
    number = 1
    while (runs / f"{name}-{number}").exists():
        number += 1
    return runs / f"{name}-{number}"
