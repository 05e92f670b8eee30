"""What problem files said, remembered under the hash of their text.

A description is remembered without regard to where its file lies, so a checkout elsewhere finds it too. One whose file
takes anything from modules of the user's is not remembered: its text does not tell when they change. Of Warploom's own
modules the hashes are remembered with it.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import warploom
from warploom.errors import ProblemError
from warploom.problems.names import check_names
from warploom.problems.native import text_hash
from warploom.values.problem import Problem, from_description


def cache_directory() -> Path:
    """Where Warploom keeps what can be made again: ``$XDG_CACHE_HOME/warploom``, else ``~/.cache/warploom``.

    Returns:
        A directory that exists and can be written: a fresh temporary one where neither can.
    """
    for base in (os.environ.get("XDG_CACHE_HOME", ""), "~/.cache"):
        with contextlib.suppress(OSError, RuntimeError):  # RuntimeError: no home directory is known
            root = Path(base).expanduser() / "warploom"
            if not root.is_absolute():
                continue
            root.mkdir(parents=True, exist_ok=True)
            if os.access(root, os.W_OK | os.X_OK):
                return root
    return Path(tempfile.mkdtemp(prefix="warploom-"))


OWN = "own_modules"


def own_hashes(names: Iterable[str]) -> dict[str, str]:
    """Module of Warploom's → hash of its text, "" where there is none."""
    return {name: _own_hash(name) for name in names}


def _own_hash(name: str) -> str:
    place = Path(warploom.__file__).parent.joinpath(*name.split(".")[1:])
    for path in (place.with_suffix(".py"), place / "__init__.py"):
        with contextlib.suppress(OSError):
            return text_hash(path.read_text(encoding="utf-8"))
    return ""


class DescriptionCache:
    """Descriptions of problem files in a directory; one that cannot be used remembers nothing and is no fault."""

    def __init__(self, directory: Path) -> None:
        """Keep descriptions in ``directory``, made when the first one is remembered."""
        self._directory = directory

    def recall(self, path: Path, text: str) -> Problem | None:
        """The problem of this text, as written at ``path``; None when it is not remembered."""
        try:
            description = json.loads(self._place(text).read_bytes())
            if description[OWN] != own_hashes(description[OWN]):
                return None
            return revive(description, path, text)
        except (OSError, ValueError, LookupError, TypeError, AttributeError, ProblemError):
            return None

    def remember(self, text: str, description: dict[str, Any]) -> None:
        """Keep what the file of this text said, unless other modules had a say in it; written in one step."""
        imports = description.get("imports", ())
        own = [name for name in imports if name.partition(".")[0] == warploom.__name__]
        if len(own) < len(imports):
            return
        description = {**description, OWN: own_hashes(own)}
        with contextlib.suppress(OSError):
            self._directory.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=self._directory, delete=False, encoding="utf-8") as stream:
                json.dump(description, stream)
            Path(stream.name).replace(self._place(text))

    def _place(self, text: str) -> Path:
        return self._directory / f"{text_hash(f'{warploom.__version__}{chr(10)}{text}')}.json"


def revive(description: dict[str, Any], path: Path, text: str) -> Problem:
    """The problem of a description, which may have been made for the same text elsewhere, or by a program in a jail.

    Raises:
        ProblemError: a name in it cannot stand in a kernel's signature.
        LookupError, TypeError, ValueError, AttributeError: it describes no problem.
    """
    name, modules = description["reference"]["name"], description["reference"].get("modules", {})
    if not isinstance(name, str):
        raise TypeError(f"a name of type {type(name).__name__}")
    if not all(isinstance(one, str) for one in (*modules.keys(), *modules.values())):
        raise TypeError("modules without names or hashes")
    reference = {"path": str(path), "name": name, "sha256": text_hash(text), "modules": modules}
    problem = from_description({**description, "reference": reference})
    check_names(problem)
    return problem
