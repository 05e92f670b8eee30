from __future__ import annotations

import json
import math
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from warploom.testing.chronicle import Chronicle
from warploom.values.candidate import Step

HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=document.title='owned'> \"'&\x1b[31m"


@dataclass(frozen=True)
class Told:
    """A run that was made up, and the ids in it."""

    folder: Path
    seed: str
    first: str
    best: str
    failed: str


def tell(folder: Path) -> Told:
    """A seed, a way of two steps to the best, failures of two kinds, one that did not hold; it goes on."""
    with Chronicle(folder, islands=2) as run:
        seed = run.judged(math.log(0.5))
        steps = (Step("vectorise", "@every"),)
        first = run.judged(0.0, parent=seed, operator="grow:vectorise", note="+ vectorise(@every)", steps=steps)
        failed = run.judged(None, parent=seed, operator="grow:parallel", note=HOSTILE)
        best = run.judged(math.log(2), parent=first, operator="tune", note="lanes=8", flags=("-ffast-math",))
        run.promoted(best, math.log(1.8))
        run.judged(None, parent=first, operator="tune", failure=("build", "compile_error", "expected ';'"))
        other = run.judged(math.log(2.1), parent=seed, proposer="llm:big", operator="improve", island=1)
        run.refused(other, math.log(1.5))
    return Told(folder, seed, first, best, failed)


@pytest.fixture(scope="session")
def telling() -> Callable[[Path], Told]:
    return tell


@pytest.fixture
def told(tmp_path: Path) -> Told:
    return tell(tmp_path / "run")


@dataclass(frozen=True)
class Answer:
    """Of a request: status, headers by small names, and what was said."""

    status: int
    headers: dict[str, str]
    body: str

    @property
    def said(self) -> Any:
        return json.loads(self.body)


Ask = Callable[..., Answer]


@pytest.fixture(scope="session")
def ask() -> Ask:
    def request(address: str, body: Any = None, method: str = "", **headers: str) -> Answer:
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        asked = urllib.request.Request(address, data, named, method=method or None)
        try:
            with urllib.request.urlopen(asked, timeout=30) as answer:
                found = {name.casefold(): value for name, value in answer.headers.items()}
                return Answer(answer.status, found, answer.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                found = {name.casefold(): value for name, value in error.headers.items()}
                return Answer(error.code, found, error.read().decode())

    return request


@pytest.fixture
def hostile() -> str:
    return HOSTILE
