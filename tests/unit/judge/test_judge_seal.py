"""Between the build and the load nobody can put another artifact in."""

from __future__ import annotations

import ast
import hashlib
import os
from pathlib import Path

import pytest

import warploom
from warploom.judge.fault import Fault
from warploom.judge.mint import digest, judge_version
from warploom.judge.seal import sealed
from warploom.values.outcome import Build


def built(path: Path, data: bytes = b"machine code") -> Build:
    path.write_bytes(data)
    return Build(str(path), hashlib.sha256(data).hexdigest(), "g++", (), "", 0)


def test_the_copy_stays_what_was_hashed_whatever_happens_to_the_file(tmp_path: Path) -> None:
    with sealed(built(tmp_path / "kernel.so")) as copy:
        (tmp_path / "kernel.so").write_bytes(b"another kernel")
        assert copy.read_bytes() == b"machine code"
        with pytest.raises(OSError), copy.open("r+b", buffering=0) as stream:
            stream.write(b"x")
        with pytest.raises(OSError):
            os.truncate(copy, 0)
    assert not copy.exists() or copy.read_bytes() != b"machine code"


def test_a_swapped_artifact_is_refused_and_both_hashes_are_named(tmp_path: Path) -> None:
    build = built(tmp_path / "kernel.so")
    (tmp_path / "kernel.so").write_bytes(b"another kernel")
    with pytest.raises(Fault) as caught, sealed(build):
        pass
    assert (caught.value.stage, caught.value.kind) == ("load", "rejected")
    assert build.sha256 in caught.value.message
    assert hashlib.sha256(b"another kernel").hexdigest() in caught.value.message


def test_a_missing_artifact_and_an_unknown_hash_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Fault, match="cannot be read"), sealed(Build(str(tmp_path / "none.so"), "", "", (), "", 0)):
        pass
    (tmp_path / "kernel.so").write_bytes(b"x")
    with pytest.raises(Fault, match="unknown"), sealed(Build(str(tmp_path / "kernel.so"), "", "", (), "", 0)):
        pass


def test_settings_and_the_judge_have_hashes() -> None:
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1}) != digest({"a": 1, "b": 3})
    version, _, code = judge_version().partition("+")
    assert version
    assert len(code) == 12


def test_no_code_but_the_judges_makes_a_mint() -> None:
    package = Path(warploom.__file__).parent
    makers = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("Mint", "mint")
    }
    assert {path for path in makers if not path.startswith("testing/")} == {
        "judge/mint.py",
        "judge/evaluate.py",
        "judge/score.py",
    }
    assert "testing/synthetic.py" in makers, "the test kit stands in for the judge"
