"""docs/howto/own-toolchain.md: its example passes the contract that it names, and what is to be added is there."""

from __future__ import annotations

import importlib
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from warploom.toolchain.protocol import Toolchain

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "howto" / "own-toolchain.md").read_text()
TOOLCHAIN, SUITE = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)

_there: dict[str, Any] = {"__name__": "own_toolchain"}
exec(compile(TOOLCHAIN + SUITE, "own-toolchain.md", "exec"), _there)

example = _there["example"]
TestC = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed here")(_there["TestC"])


def test_the_example_is_a_toolchain() -> None:
    made: Toolchain = _there["CToolchain"]()
    assert made.language == "c"
    assert issubclass(_there["TestC"], _there["ToolchainContract"])


@pytest.mark.parametrize(("name", "path"), re.findall(r"`(\w+)` in `([\w/]+)\.py`", PAGE))
def test_what_is_to_be_added_to_is_there(name: str, path: str) -> None:
    assert hasattr(importlib.import_module(f"warploom.{path.replace('/', '.')}"), name)


def test_every_one_of_them_is_looked_at() -> None:
    assert len(re.findall(r"`(\w+)` in `([\w/]+)\.py`", PAGE)) == 6
