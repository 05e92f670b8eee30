"""What the pages tell people to type exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from warploom.cli.main import run
from warploom.export.runtime.guard import REASONS

DOCS = Path(__file__).resolve().parents[3] / "docs"
LINES = [
    line for name in ("export.md", "recheck.yml") for line in (DOCS / name).read_text().splitlines()
    if "warploom export" in line or "warploom recheck" in line
]  # fmt: skip


@pytest.mark.parametrize("command", ["export", "recheck"])
def test_every_option_that_is_shown_exists(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    run([command, "--help"])
    there = set(re.findall(r"--[a-z]+", capsys.readouterr().out))
    shown = {option for line in LINES if f"warploom {command}" in line for option in re.findall(r"--[a-z]+", line)}
    assert shown
    assert shown <= there


def test_every_reason_is_in_the_page() -> None:
    page = (DOCS / "export.md").read_text()
    assert [reason for reason in REASONS if f"reference/{reason}" not in page and f"`/{reason}`" not in page] == []
