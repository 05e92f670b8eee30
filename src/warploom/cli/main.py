"""The ``warploom`` command: finds the subcommand's module, runs it, and turns every error into one line."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

import typer
from rich.console import Console
from rich.text import Text

from warploom import __version__
from warploom.errors import InputError, WarploomError

COMMANDS: dict[str, str] = {
    "doctor": "What this machine has for Warploom, and what is missing.",
    "calibrate": "What this machine can do, and whether it can be measured.",
    "problems": "The problems that ship with Warploom.",
    "evolve": "Evolve a kernel for a problem.",
    "bench": "Evolve a whole suite of problems, and compare.",
    "seed": "A first kernel for any problem: its reference as plain loops.",
    "judge": "Build, verify and time one kernel.",
    "build": "Whether a GPU kernel builds and fits, without a GPU.",
    "verify": "Whether a claimed speedup holds on this machine.",
    "export": "A kernel as a PyTorch package, for the Hub, or as source.",
    "recheck": "Whether exported kernels are still right and still faster.",
    "audit": "Whether a problem catches wrong answers.",
    "score": "A program's score by its own evaluator, as OpenEvolve has it.",
    "show": "What a run found; or one candidate, whole.",
    "report": "A run as one page to read, and its figures.",
    "ui": "Runs in a browser while they go, and controls for them.",
    "best": "The best kernel of a run.",
    "diff": "What changed from a candidate's parent, or from the seed.",
    "resume": "Go on with a run where it stopped.",
    "ask": "A request for an outside agent: what to write, and a number.",
    "tell": "An outside agent's answer: judged, and part of the run.",
    "mcp": "The same for agents that speak MCP.",
    "skill": "What an agent should know, as a file to install.",
    "record": "A run's prompts, answers and outcomes as one file.",
}
"""Command → its line in ``--help``. A command's module is imported only when it is called, so that help is instant."""

PASSED, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130

_UsageError: type[Exception] = typer.BadParameter.__mro__[1]
"""What typer raises for words it cannot parse; its own name for it moved between versions."""


def main() -> None:
    """Entry point of the console script."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line.

    Args:
        arguments: the words after ``warploom``.

    Returns:
        The exit code: 0 passed, 1 failed, 2 bad input, 130 interrupted.
    """
    words = list(arguments) or ["--help"]
    as_json = "--json" in words
    try:
        code = _app(words)(words, standalone_mode=False)
        sys.stdout.flush()
    except InputError as error:
        return _complain(str(error), BAD_INPUT, as_json)
    except WarploomError as error:
        return _complain(str(error), FAILED, as_json)
    except _UsageError as error:
        return _complain(_usage(error), BAD_INPUT, as_json)
    except BrokenPipeError:  # the reader left, as in `warploom show … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PASSED
    except MemoryError as error:
        return _complain(f"not enough memory: {str(error) or 'make the workloads smaller'}", FAILED, as_json)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _complain(f"{where}{error.strerror or error}", BAD_INPUT, as_json)
    except (KeyboardInterrupt, typer.Abort):
        return _complain("interrupted", INTERRUPTED, as_json)
    if code == INTERRUPTED:  # how some versions of typer put Ctrl-C
        return _complain("interrupted", INTERRUPTED, as_json)
    return code if isinstance(code, int) else PASSED


def _app(words: Sequence[str]) -> typer.Typer:
    """All commands by name, with only the called one's module imported."""
    called = next((word for word in words if not word.startswith("-")), None)
    app = typer.Typer(
        name="warploom",
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(help="Discovers fast kernels by evolution, with a judge that cannot be fooled.")(_options)
    for name, summary in COMMANDS.items():
        app.command(name, help=summary)(_load(name) if name == called else _not_called)
    return app


def _load(name: str) -> Callable[..., object]:
    command: Callable[..., object] = getattr(import_module(f"warploom.cli.{name}"), name)
    with_options: Callable[..., object] = import_module("warploom.cli.addressed").addressed(command)
    return with_options


def _not_called() -> None:
    """Stands in for the commands that this command line does not call."""


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"warploom {__version__}")
        raise typer.Exit


def _options(
    version: bool = typer.Option(False, "--version", callback=_print_version, is_eager=True, help="Print the version."),
) -> None:
    """Options before the command."""


def _usage(error: Exception) -> str:
    say: Callable[[], str] = getattr(error, "format_message", lambda: str(error))
    context = getattr(error, "ctx", None)
    hint = f" (see: {context.command_path} --help)" if context is not None else ""
    return f"{' '.join(say().split())}{hint}"


def _complain(message: str, code: int, as_json: bool) -> int:
    if as_json:
        sys.stdout.write(json.dumps({"error": message}) + "\n")
        sys.stdout.flush()
    # A path may hold line feeds and what steers a terminal.
    line = "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in message)
    Console(stderr=True, soft_wrap=True, highlight=False).print(Text.assemble(("error: ", "bold red"), (line, "red")))
    return code
