from __future__ import annotations

import importlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from warploom.errors import ToolchainError
from warploom.values.candidate import Candidate
from warploom.values.outcome import Build, Failed

BENCHMARKS = Path(__file__).resolve().parents[3] / "benchmarks"


def loaded() -> ModuleType:
    return importlib.import_module("benchmarks.gpu_gate")


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = loaded()

    class Made:
        """Builds for what is older than sm_100, and spills where it is made to."""

        def __init__(self, architectures: Any) -> None:
            (self.target,) = (one.name for one in architectures)

        def version(self) -> str:
            return "made up 1"

        def build(self, candidate: Candidate, *_: Any) -> Build | Failed:
            if self.target == "sm_100":
                return Failed("build", "compile_error", "too new")
            facts = {"registers": 40, "spill_bytes": 8 * (self.target == "sm_80"), "shared_bytes": 2048}
            return Build("x", candidate.id, "made up", (), "", 0, facts | {"occupancy_percent": 50})

    monkeypatch.setattr(module, "GPU_TOOLCHAINS", {"cuda": Made, "triton": Made})
    monkeypatch.setattr(module, "message", lambda language: {"absent": f"{language} is not here"})
    return module


def test_the_table_says_what_builds_and_spills_where(
    gate: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "gate.json"
    assert gate.main(["--names", "spmv", "jacobi", "--languages", "cuda", "--out", str(out)]) == 1, "sm_100 fails"
    found = json.loads(out.read_text())
    assert found["summary"]["cuda:sm_80"] == {
        "seeds": 2, "built": 2, "spilling": 2, "least_occupancy_percent": 50,
    }  # fmt: skip
    assert found["summary"]["cuda:sm_90a"]["spilling"] == 0
    assert found["summary"]["cuda:sm_100"]["built"] == 0
    said = capsys.readouterr().out
    assert "40 8   2K  50%" in said
    assert "cuda:sm_80: 2 of 2 build, 2 spill" in said
    assert "spmv cuda sm_100: compile_error: too new" in said
    assert "a wrong line of triton: triton is not here" in said


def test_a_wrong_line_is_named_by_the_compiler_of_each_language_that_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    module = loaded()
    assert set(module.BROKEN) == {*module.JUDGED, *module.GPU_TOOLCHAINS}
    said, line = [], 0

    class Told:
        def version(self) -> str:
            return "made up 1"

        def build(self, candidate: Candidate, *_: Any) -> Failed:
            said.append(candidate.source.split("\n")[line - 1])
            return Failed("build", "compile_error", f"{candidate.sources[0][0]}:{line}: what is nothing?")

    monkeypatch.setattr(module, "find_toolchain", lambda language: Told())
    for language in module.BROKEN:
        line = 10 if language == "triton" else 4
        assert module.message(language)["line"], language
        assert "nothing" in said[-1]
    line = 3
    assert not module.message("cuda")["line"]

    class Absent(Told):
        def version(self) -> str:
            raise ToolchainError("clang was not found")

    monkeypatch.setattr(module, "find_toolchain", lambda language: Absent())
    assert module.message("hip") == {"absent": "clang was not found"}


def test_an_unknown_name_says_what_there_is(gate: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        gate.main(["--names", "softmax"])
    assert "softmax is no problem of the GPU room; there is: " in capsys.readouterr().err


def test_the_published_table_holds_every_seed_of_the_room(gate: ModuleType) -> None:
    found = json.loads((BENCHMARKS / "results" / "gpu_gate.json").read_text())
    names = set(gate.catalog_names("gpu"))
    for language in gate.TARGETS:
        assert {kernel["problem"] for kernel in found["kernels"] if kernel["language"] == language} == names
    assert all(own["built"] == own["seeds"] == len(names) for own in found["summary"].values())
    assert all(found["messages"][language]["line"] for language in ("cpp", "opencl", "cuda", "triton"))
