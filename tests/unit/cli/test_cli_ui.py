"""``warploom ui``: says where it is, serves, and ends."""

from __future__ import annotations

import builtins
import importlib
import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from warploom.cli.main import run
from warploom.testing.chronicle import Chronicle


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with Chronicle(tmp_path / "run") as made:
        made.judged(0.0)
    return tmp_path / "run"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_told_to_end(folder: Path, number: signal.Signals) -> None:
    pytest.importorskip("starlette", reason="the extra ui is not installed")
    pytest.importorskip("uvicorn", reason="the extra ui is not installed")
    words = [sys.executable, "-m", "warploom", "ui", str(folder), "--json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        asked = urllib.request.Request(
            f"{said['origin']}/api/runs/0/candidates", headers={"Authorization": f"Bearer {said['token']}"}
        )
        with urllib.request.urlopen(asked, timeout=30) as answer:
            assert json.load(answer)["total"] == 1
        os.kill(process.pid, number)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert (out, err) == ("", "")
    assert said["address"] == f"{said['origin']}/#token={said['token']}"
    assert said["runs"] == [str(folder)]


def test_without_the_extra_it_says_how_to_get_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("uvicorn"):
            raise ImportError("absent", name="uvicorn")
        return whole(name, *rest)

    monkeypatch.delitem(sys.modules, "warploom.report.ui.serve", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.setattr(importlib, "import_module", importlib.import_module)
    assert run(["ui", str(folder)]) == 2
    assert "the dashboard needs" in (err := capsys.readouterr().err)
    assert "pip install 'warploom[ui]'" in err


def test_bad_input_is_one_line(tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("starlette", reason="the extra ui is not installed")
    pytest.importorskip("uvicorn", reason="the extra ui is not installed")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "journal.db").write_text("nonsense")
    for words, said in (
        ([str(tmp_path / "nowhere")], "does not exist"),
        ([str(tmp_path / "damaged")], "is damaged"),
        ([str(folder), "--port", "99999"], "--port 99999"),
    ):
        assert run(["ui", *words]) == 2
        err = capsys.readouterr().err
        assert said in err
        assert err.count("\n") == 1
