"""The Jinja templates of prompts: the shipped ones, and those that a user puts in their place."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    FileSystemLoader,
    StrictUndefined,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
)
from jinja2.sandbox import SandboxedEnvironment

from warploom.errors import ConfigError
from warploom.values.plain_text import printable

SHIPPED = Path(__file__).parent / "templates"
SUFFIX = ".j2"


class Templates:
    """Renders templates by name. A file of the same name in the user's directory wins.

    Templates run in Jinja's sandbox, and a variable that does not exist is an error, never an empty text.

    Args:
        folder: the user's directory; None for the shipped templates alone.
        kinds: folders of shipped templates that stand in the place of those for kernels in C++, the first before the
            next.

    Raises:
        ConfigError: there is no such directory, it holds a template that no prompt uses, or one that cannot be read.
    """

    def __init__(self, folder: Path | None = None, kinds: Sequence[str] = ()) -> None:
        self._folder = folder
        shipped = [*(SHIPPED / kind for kind in kinds), SHIPPED]
        loaders: list[BaseLoader] = [FileSystemLoader(shipped)]
        own = _own_templates(folder, shipped) if folder is not None else []
        if folder is not None:
            loaders.insert(0, FileSystemLoader(folder))
        self._jinja = SandboxedEnvironment(
            loader=ChoiceLoader(loaders),
            undefined=StrictUndefined,
            autoescape=False,  # prompts are no HTML
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._jinja.filters["fenced"] = fenced
        self._jinja.filters["in_a_line"] = in_a_line
        for name in own:
            self._checked(name, lambda name=name: self._jinja.get_template(name))

    @property
    def customised(self) -> bool:
        """Whether a user's directory takes part."""
        return self._folder is not None

    def render(self, name: str, facts: Mapping[str, Any]) -> str:
        """The text of a template, without empty lines around it.

        Raises:
            ConfigError: the template has a fault; one line with its file and line.
        """
        rendered = self._checked(name + SUFFIX, lambda: self._jinja.get_template(name + SUFFIX).render(facts))
        return str(rendered).strip("\n")

    def _checked(self, name: str, action: Any) -> Any:
        try:
            return action()
        except TemplateSyntaxError as error:
            raise ConfigError(f"{self._place(error.filename or name, error.lineno)}: {error.message}") from None
        except TemplateNotFound as error:
            raise ConfigError(f"{self._place(name, 0)}: there is no template {error.name!r}") from None
        except (TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            said = " ".join(str(error).split()) or type(error).__name__
            raise ConfigError(f"{self._place(*_origin(error, name))}: {said}") from None
        except RecursionError:
            raise ConfigError(f"{self._place(name, 0)}: the template includes itself without end") from None

    def _place(self, name: str, line: int) -> str:
        path = Path(name)
        if not path.is_absolute() and self._folder is not None and (self._folder / name).is_file():
            path = self._folder / name
        return f"prompt template {path}:{line}" if line else f"prompt template {path}"


def _own_templates(folder: Path, shipped: list[Path]) -> list[str]:
    """The templates of the user's directory; each must stand for one that is shipped."""
    if not folder.is_dir():
        raise ConfigError(f"{folder}: there is no such directory of prompt templates")
    known = sorted({path.name for place in shipped for path in place.glob(f"*{SUFFIX}")})
    own = sorted(path.name for path in folder.glob(f"*{SUFFIX}"))
    for name in own:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
            raise ConfigError(f"prompt template {folder / name}: no prompt uses this name; the nearest is {near}")
    if not own:
        raise ConfigError(f"{folder}: no prompt template in it; the names are: {', '.join(sorted(known))}")
    return own


def _origin(error: BaseException, name: str) -> tuple[str, int]:
    """The template, included ones too, and the line in it that an error came from; 0 where that cannot be seen."""
    found, trace = (name, 0), error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename.endswith(SUFFIX):
            found = trace.tb_frame.f_code.co_filename, trace.tb_lineno
        trace = trace.tb_next
    return found


def fenced(text: str, language: str = "") -> str:
    """A text between fences that it cannot close itself: as data, whatever it says."""
    ticks = "```"
    while ticks in text:
        ticks += "`"
    return f"{ticks}{language}\n{text.rstrip()}\n{ticks}"


def in_a_line(text: str, most: int = 400) -> str:
    """Words of strangers in one line: no line feeds, nothing that steers a terminal, no fence."""
    line = printable(" ".join(str(text).split())).replace("```", "'''")
    if len(line) <= most:
        return line
    cut = line[: most - 1]
    if line[most - 1] != " " and " " in cut[most // 2 :]:
        cut = cut[: cut.rindex(" ")]
    return cut + "…"
