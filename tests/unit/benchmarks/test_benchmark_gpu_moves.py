from __future__ import annotations

import importlib
import json
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from warploom.values.candidate import Candidate


@pytest.fixture
def moves(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = importlib.import_module("benchmarks.gpu_moves")

    class Made:
        def __init__(self, architectures: Any) -> None:
            pass

        def version(self) -> str:
            return "made up 1"

    def built(problem: Any, candidate: Candidate, cache: Path) -> dict[str, Any]:
        return {"wrong": "too new"} if "swizzle2d" in candidate.source else {"registers": 40}

    def run_on_cpu(candidates: dict[str, Candidate]) -> dict[str, str]:
        return {name: "off by one" if "cp.async" in one.source else "" for name, one in candidates.items()}

    monkeypatch.setattr(module, "GPU_TOOLCHAINS", {"cuda": Made, "triton": Made})
    monkeypatch.setattr(module, "load_problem", lambda name: SimpleNamespace(name=name, hash="0" * 16))
    monkeypatch.setattr(module, "built", built)
    monkeypatch.setattr(module, "run_on_cpu", run_on_cpu)
    monkeypatch.setattr(module, "interpreted", lambda *_: "")
    return module


def test_the_tables_say_where_moves_apply_and_what_is_wrong(
    moves: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "moves.json"
    assert moves.main(["--names", "matmul_bf16", "jacobi", "--out", str(out)]) == 1, "two are wrong"
    found = {(row["problem"], row["language"], row["move"]): row for row in json.loads(out.read_text())["moved"]}
    assert found["jacobi", "triton", "grouped"]["build"] == {"wrong": "too new"}
    assert found["jacobi", "triton", "persistent"]["build"] == {"registers": 40}
    assert ("matmul_bf16", "triton", "grouped") not in found, "its grid has one place"
    said = capsys.readouterr().out
    assert "| cuda seed | `grouped_blocks` |" in said
    assert "| `matmul_bf16` |" in said
    assert "jacobi triton grouped: too new" in said
    assert "matmul_bf16 cuda async_copy: off by one" in said
    assert f"{len(found)} kernels, 2 wrong" in said
