"""What a benchmark was started with, kept in its directory: starting it again means going on with the same."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from warploom.errors import ConfigError
from warploom.search.suite.listing import Entry

FORMAT = 1
FILE = "suite.json"


@dataclass(frozen=True)
class Plan:
    """Problems and budget of a benchmark.

    Attributes:
        words: the suite as it was asked for.
        entries: its problems.
        asked: settings of every run as the user gave them, see :class:`warploom.values.config.RunConfig`.
        quarantine: whether problems that fail an audit are left out.
        version: of Warploom.
    """

    words: tuple[str, ...]
    entries: tuple[Entry, ...]
    asked: Mapping[str, Any]
    quarantine: bool
    version: str

    @property
    def name(self) -> str:
        """The suite for people."""
        return " ".join(self.words)

    def to_plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {**asdict(self), "format": FORMAT, "words": list(self.words), "asked": dict(self.asked)}


def recall(folder: Path) -> Plan | None:
    """The plan of a benchmark's directory; None where there is none.

    Raises:
        ConfigError: what lies there is none.
    """
    path = folder / FILE
    try:
        plain = json.loads(path.read_bytes())
        if plain["format"] != FORMAT:
            raise ConfigError(f"{path} has format {plain['format']}, this version of Warploom reads {FORMAT}")
        entries = tuple(Entry(str(one["id"]), str(one["address"]), str(one["level"])) for one in plain["entries"])
        words = tuple(map(str, plain["words"]))
        return Plan(words, entries, dict(plain["asked"]), bool(plain["quarantine"]), str(plain["version"]))
    except FileNotFoundError:
        return None
    except (ValueError, LookupError, TypeError) as error:
        raise ConfigError(f"{path} is no plan of a benchmark: {type(error).__name__}: {error}") from None


def settle(folder: Path, plan: Plan) -> Plan:
    """The plan that a benchmark in this directory follows: the one that is there, or this one, which is kept then.

    Raises:
        ConfigError: another one is there; the message says what differs.
    """
    kept = recall(folder)
    if kept is None:
        write_whole(folder / FILE, json.dumps(plan.to_plain(), indent=1) + "\n")
        return plan
    if differing := _differences(kept, plan):
        raise ConfigError(
            f"{folder} holds another benchmark: {'; '.join(differing)}; give another directory with --out"
        )
    return kept


def _differences(kept: Plan, plan: Plan) -> list[str]:
    found = [
        f"{name} is {kept.asked.get(name)!r} there, {plan.asked.get(name)!r} here"
        for name in {**kept.asked, **plan.asked}
        if kept.asked.get(name) != plan.asked.get(name)
    ]
    if kept.quarantine != plan.quarantine:
        found.append(f"{'with' if kept.quarantine else 'without'} --quarantine there")
    if kept.entries != plan.entries:
        other = [one.address for one in kept.entries if one not in plan.entries]
        other += [one.address for one in plan.entries if one not in kept.entries]
        which = f", such as {other[0]}" if other else ", in another order"
        found.append(f"its {len(kept.entries)} problems are not these {len(plan.entries)}{which}")
    return found


def write_whole(path: Path, text: str) -> None:
    """Write a file in one step.

    Raises:
        ConfigError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, fresh = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(text)
            Path(fresh).chmod(0o644)
            Path(fresh).replace(path)
        except BaseException:
            Path(fresh).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from None
