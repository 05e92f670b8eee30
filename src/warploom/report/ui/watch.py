"""The runs of a dashboard, followed side by side."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from warploom.archive.database import FILE
from warploom.errors import ConfigError
from warploom.report.ui.followed import Followed
from warploom.report.ui.listing import Listing


class Watch:
    """Opens the runs when they are first asked for; all calls come from one thread.

    Args:
        folders: the run directories.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self._open: list[tuple[Followed, Listing]] = []
        self._versions: dict[int, int] = {}

    @property
    def runs(self) -> list[Followed]:
        """All of them, in the order given."""
        if not self._open:
            self._open_all()
        return [run for run, _ in self._open]

    def _open_all(self) -> None:
        self._open = [(run, Listing(run.history)) for run in map(Followed, self._folders)]
        self._versions = dict.fromkeys(range(len(self._open)), 1)

    @property
    def names(self) -> list[str]:
        """A name for each, by which they can be told apart."""
        short = [run.name for run in self.runs]
        return [name if short.count(name) == 1 else str(run.folder) for name, run in zip(short, self.runs, strict=True)]

    def run(self, number: int) -> Followed:
        """A run by its number.

        Raises:
            ConfigError: there is no such run.
        """
        runs = self.runs
        if number >= len(runs):
            raise ConfigError(f"there is no run {number}: {len(runs)} are shown")
        return runs[number]

    def listing(self, number: int) -> Listing:
        """The candidates of a run."""
        self.run(number)
        return self._open[number][1]

    def look(self) -> None:
        """Take in what is new in each run, a slice at most; they are opened with a first one."""
        if not self._open:
            self._open_all()
            return
        for number, (run, _) in enumerate(self._open):
            self._versions[number] += run.look()

    def changed(self, known: dict[int, int]) -> list[dict[str, Any]]:
        """How the runs stand that are not as they were.

        Args:
            known: number of a run → which version of it is known; brought up to date here.
        """
        found = []
        for number, (run, name) in enumerate(zip(self.runs, self.names, strict=True)):
            if known.get(number) != self._versions[number]:
                known[number] = self._versions[number]
                found.append({"number": number, **run.to_object(), "name": name})
        return found

    @property
    def caught_up(self) -> bool:
        """Whether every journal has been read as far as it went when it was opened, or as far as it can be."""
        return bool(self._open) and all(run.read == 1.0 or run.fault for run, _ in self._open)

    def close(self) -> None:
        """Close the journals."""
        for run, _ in self._open:
            run.journal.close()
        gc.unfreeze()


def find_runs(words: Sequence[str]) -> list[Path]:
    """The run directories that the words stand for: each one, or a folder that holds some.

    Raises:
        ConfigError: there is no run.
    """
    found: list[Path] = []
    for word in words:
        folder = Path(word)
        here = [folder] if (folder / FILE).is_file() else sorted(path.parent for path in folder.glob(f"*/{FILE}"))
        if not here:
            what = "does not exist" if not folder.exists() else f"holds no {FILE}, nor does a folder in it"
            raise ConfigError(f"no run here: {word} {what}")
        found += here
    return list(dict.fromkeys(found))
