"""``warploom mcp``: the loop for agents that speak the Model Context Protocol, over stdin and stdout."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from inspect import getdoc
from pathlib import Path
from typing import Annotated, Any, ParamSpec, TypeVar

import typer

from warploom import __version__
from warploom.archive.database import FILE
from warploom.cli.ask import Target, Wait
from warploom.cli.console import Json
from warploom.errors import ToolchainError, WarploomError
from warploom.search.agents.asktell import AgentRun
from warploom.search.agents.opening import PATIENCE_SECONDS, open_run
from warploom.search.task import load_task
from warploom.values.config import RunConfig

INSTRUCTIONS = """\
Warploom searches for fast kernels and judges them honestly. You write them. The loop: `ask` gives a request with a \
prompt; write the kernel it asks for; try it with `judge_draft` as often as you like; `tell` it once it is right and \
fast. Then `ask` again: the next prompt starts from the best so far and says what bounds it. An answer is a whole \
source file, or SEARCH/REPLACE edits of the source in the prompt. Only a kernel that is right on every shape and \
measured faster counts; `tell` measures a record again, in a fresh process, before it is called the best."""

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class Opened:
    """A run that is opened when it is first needed.

    Args:
        open_the_run: opens it; an error is raised anew each time it is needed.
    """

    def __init__(self, open_the_run: Callable[[], AgentRun]) -> None:
        self._open = open_the_run
        self._run: AgentRun | None = None
        self._guard = threading.Lock()

    def get(self) -> AgentRun:
        """The run, open."""
        with self._guard:
            if self._run is None:
                self._run = self._open()
            return self._run

    def close(self) -> None:
        """Close it, when it was opened."""
        with self._guard:
            if self._run is not None:
                self._run.close()
                self._run = None


def mcp(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The directory of the run.")],
    problem: Annotated[
        str | None, typer.Option(help="Begin a run of this problem when RUN holds none: a name or a problem file.")
    ] = None,
    start: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Begin it from this source instead of the problem's seed.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the new run's choices.")] = 0,
    target: Target = RunConfig.target,
    wait: Wait = PATIENCE_SECONDS,
    json: Json = False,
) -> int:
    """Serve a run over MCP on stdin and stdout, until stdin closes; what is being done goes to stderr.

    The tools: describe_problem, ask, judge_draft, tell, status, best. With --json an error at the start is an object;
    what follows is JSON-RPC anyway.
    """

    def open_it() -> AgentRun:
        return open_run(run, problem, start=start, seed=seed, target=target, patience_seconds=wait, progress=_say)

    opened = Opened(open_it)
    server = make_server(opened)
    try:
        if problem is None or (Path(run) / FILE).exists():
            opened.get()  # starts no judge
        else:
            load_task(problem)
        server.run("stdio")
    finally:
        opened.close()
    return 0


def make_server(run: Opened) -> Any:
    """An ``MCPServer`` for a run, which is begun by the first tool that needs it: a client will not wait for PyTorch.

    Raises:
        ToolchainError: the package ``mcp`` is absent or too old.
    """
    try:
        package = import_module("mcp.server.mcpserver")
        refusal: type[Exception] = import_module("mcp.server.mcpserver.exceptions").ToolError
    except ImportError:
        raise ToolchainError(
            "the package mcp (2.0 or newer) is absent; install it: pip install 'warploom[mcp]'"
        ) from None

    def refused(tool: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
        """What the agent can mend is said to it; a fault of ours is not hidden."""

        @wraps(tool)
        def guarded(*arguments: Parameters.args, **named: Parameters.kwargs) -> Result:
            try:
                return tool(*arguments, **named)
            except WarploomError as error:
                raise refusal(str(error)) from None

        return guarded

    def describe_problem() -> str:
        """What is to be computed, on which shapes, how the kernel is called, and the machine it runs on."""
        return run.get().describe()

    def ask(id: int | None = None) -> dict[str, Any]:
        """A new request: its id and the prompt with the kernel to improve. With an id: that open request once more."""
        return run.get().ask(id).to_object()

    def judge_draft(id: int, answer: str) -> dict[str, Any]:
        """Build, verify and time an answer to an open request without telling it.

        `answer` is the whole source, or SEARCH/REPLACE edits of the source in the prompt.
        """
        return run.get().judge_draft(id, answer).to_object()

    def tell(id: int, answer: str) -> dict[str, Any]:
        """Answer an open request for good: it is judged, and enters the archive when it is good.

        It is measured again when it may be the best. `answer` is as for judge_draft; the next `ask` learns from it.
        """
        return run.get().tell(id, answer).to_object()

    def status() -> dict[str, Any]:
        """How the run stands: evaluations, failures by kind, open requests, the best and its speedups."""
        return run.get().status()

    def best() -> dict[str, Any]:
        """The best kernel: its source, and its speedups as measured again in a fresh process."""
        return run.get().best()

    server = package.MCPServer("warploom", instructions=INSTRUCTIONS, version=__version__, log_level="WARNING")
    for tool in (describe_problem, ask, judge_draft, tell, status, best):
        server.add_tool(refused(tool), description=getdoc(tool))
    return server


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
