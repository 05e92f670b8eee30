"""``--root``, ``--scale`` and ``--trust``, for every command that takes a problem."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from warploom.errors import ConfigError
from warploom.problems.importers.address import SCALES
from warploom.problems.importers.bring import address_of

Root = Annotated[
    Path | None,
    typer.Option("--root", metavar="DIR", help="The checkout in which a problem such as kernelbench:1/23 lies."),
]
Scale = Annotated[
    str,
    typer.Option(
        "--scale",
        help="Sizes of a problem in another format: auto (made smaller to be judged in good time) or full. "
        "[default: auto]",
        show_default=False,
    ),
]
Trust = Annotated[
    bool,
    typer.Option("--trust", help="Run a problem in another format as you, not in a sandbox."),
]


def addressed(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command with these options, if it has a parameter ``problem`` that takes words, not the path of a file alone.

    The options become part of each problem's address.
    """
    signature = inspect.signature(command)
    if get_type_hints(command).get("problem") not in (str, str | None, list[str] | None):
        return command

    @functools.wraps(command)
    def with_options(
        *, root: Path | None, scale: str, trust: bool, problem: str | list[str] | None, **others: Any
    ) -> Any:
        if isinstance(problem, list):
            return command(problem=[completed(one, root, scale, trust) for one in problem], **others)
        return command(problem=completed(problem, root, scale, trust), **others)

    hints = get_type_hints(command, include_extras=True)
    parameters = [one.replace(annotation=hints[name]) for name, one in signature.parameters.items()]
    for name, default, kind in (("root", None, Root), ("scale", "", Scale), ("trust", False, Trust)):
        parameters.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind))
    parameters = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in parameters]
    with_options.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    with_options.__annotations__ = {**hints, "root": Root, "scale": Scale, "trust": Trust}
    return with_options


def completed(problem: str | None, root: Path | None, scale: str, trust: bool) -> str | None:
    """The word for a problem with the options written into it.

    Raises:
        ConfigError: the options are given, but the problem is in no other format, or there is no such scale.
    """
    if root is None and not scale and not trust:
        return problem
    if scale and scale not in SCALES:
        raise ConfigError(f"--scale {scale}: known: {', '.join(SCALES)}")
    address = address_of(problem) if problem else None
    if address is None:
        raise ConfigError(
            f"--root, --scale and --trust are for problems in other formats, such as kernelbench:1/23, not for "
            f"{problem or 'none'}"
        )
    if root is not None:
        address = replace(address, root=str(root.expanduser().absolute()))
    return str(replace(address, scale=scale or address.scale, trust=trust or address.trust))
