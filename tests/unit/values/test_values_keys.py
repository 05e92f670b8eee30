"""Keys stay in this process."""

from __future__ import annotations

import os
import platform

import pytest

from warploom.propose.llm.client import openai_package
from warploom.values.keys import keys_hidden, without_keys


def test_a_child_gets_no_key() -> None:
    assert without_keys({"OPENAI_API_KEY": "sk", "PATH": "/bin"}) == {"PATH": "/bin"}


def test_the_environment_is_whole_again_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk")
    with pytest.raises(KeyError, match="OPENAI_API_KEY"), keys_hidden():
        os.environ["OPENAI_API_KEY"]
    assert os.environ["OPENAI_API_KEY"] == "sk"


def test_what_the_client_package_starts_gets_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """It asks for the platform, and that starts ``uname``."""
    seen: list[str | None] = []
    monkeypatch.setenv("OPENAI_API_KEY", "sk")
    monkeypatch.setattr(platform, "platform", lambda: seen.append(os.environ.get("OPENAI_API_KEY")))
    openai_package()
    assert seen == [None]
