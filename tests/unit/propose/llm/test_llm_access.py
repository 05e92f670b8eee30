from __future__ import annotations

from pathlib import Path

import pytest

from warploom.errors import ModelError
from warploom.propose.llm.access import DEFAULT_URL, NO_KEY, Access, find_access, has_access, settings


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


def test_the_key_is_read_from_the_environment_and_env_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text(
        "# mine\nOTHER=1\nexport OPENAI_API_KEY='sk-file#1' # old\nOPENAI_BASE_URL=http://box:8000/v1/  # here\n"
    )
    access = find_access(folder=tmp_path)
    assert (access.base_url, access.key) == ("http://box:8000/v1", "sk-file#1")
    assert find_access("http://other:1/v1", tmp_path).base_url == "http://other:1/v1"
    monkeypatch.setenv("OPENAI_API_KEY", "sk-environment")
    assert find_access(folder=tmp_path).key == "sk-environment"


def test_what_env_files_hold_is_not_handed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("OPENAI_API_KEY=sk-file\nPATH=/nowhere\n")
    found: dict[str, str] = {"OPENAI_BASE_URL": "http://box/v1"}
    assert settings(tmp_path, found) == {"OPENAI_API_KEY": "sk-file", "OPENAI_BASE_URL": "http://box/v1"}
    assert "OPENAI_API_KEY" not in found


def test_openai_needs_a_key_and_other_servers_do_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not has_access(folder=tmp_path)
    with pytest.raises(ModelError, match="set OPENAI_API_KEY in the environment"):
        find_access(folder=tmp_path)
    assert find_access("http://127.0.0.1:11434/v1", tmp_path) == Access("http://127.0.0.1:11434/v1", NO_KEY)
    assert has_access("http://127.0.0.1:11434/v1", tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1234567")
    assert has_access(folder=tmp_path)
    assert find_access(folder=tmp_path).base_url == DEFAULT_URL


@pytest.mark.parametrize("address", ["box:8000", "ftp://box/v1", "http://", "http://box:99999/v1", "http://a b/v1"])
def test_an_address_that_is_none(address: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is no address; it looks like http"):
        find_access(address, tmp_path)


@pytest.mark.parametrize("address", ["https://me:secret@box/v1", "https://box/v1?key=secret"])
def test_an_address_that_holds_a_secret_is_refused_without_repeating_it(address: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="must not hold a password or key") as caught:
        find_access(address, tmp_path)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("key", ["sk-a b", "sk-é", "sk-\x07"])
def test_a_key_that_no_header_takes_is_refused_without_repeating_it(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(ModelError, match="holds characters that no key has") as caught:
        find_access(folder=tmp_path)
    assert key not in str(caught.value)


def test_an_env_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"OPENAI_API_KEY=\xff\xfe")
    with pytest.raises(ModelError, match="it is not UTF-8"):
        find_access(folder=tmp_path)


def test_an_access_does_not_show_its_key() -> None:
    access = Access("http://box/v1", "sk-secret-key")
    assert "sk-secret-key" not in repr(access)
    assert access.redact("your key sk-secret-key is wrong") == "your key [key] is wrong"
    assert Access("http://box/v1", NO_KEY).redact("none of it") == "none of it"
