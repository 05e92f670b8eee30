"""The count of imports: what imports is called at every shape, what does not is named."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytestmark = pytest.mark.torch

GOOD = """
import torch
n, m = 32, 24
class Model(torch.nn.Module):
    def forward(self, x, y):
        return x[:, 1:] + 1, y
def get_inputs(): return [torch.rand(n, m), torch.randint(0, 5, (n,))]
"""


@pytest.fixture
def importers(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = importlib.import_module("benchmarks.importers")
    monkeypatch.setattr(module.checkouts, "apart", lambda work, _: work())  # tests run threads, which no fork has
    return module


def run(importers: ModuleType, monkeypatch: pytest.MonkeyPatch, *words: str) -> dict[str, Any]:
    monkeypatch.setattr(sys, "argv", ["importers.py", *words])
    assert importers.main() == 0
    found: dict[str, Any] = json.loads(Path(words[-1]).read_text())
    return found


def test_suites_are_counted_and_kept(importers: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    level = tmp_path / "KernelBench" / "level1"
    level.mkdir(parents=True)
    (level / "1_Good.py").write_text(GOOD)
    (level / "2_Bad.py").write_text(GOOD.replace("x[:, 1:] + 1, y", "nowhere"))
    out = str(tmp_path / "out.json")
    first = run(importers, monkeypatch, "--root", str(tmp_path), "--levels", "1", "--out", out)
    assert first["suites"] == {"kernelbench:1": {"problems": 2, "import": 1, "passes_itself": 1}}
    assert first["problems"]["kernelbench:1/1"]["held_out"] == 10
    assert first["problems"]["kernelbench:1/1"]["itself"] == "passes"
    assert "NameError: name 'nowhere' is not defined" in first["problems"]["kernelbench:1/2"]["why"]
    assert first["problems"]["kernelbench:1/2"]["command"].endswith("importers.py --root KERNELBENCH --levels 1")
    assert str(tmp_path) not in json.dumps(first), "no path of this machine in the results"
    second = run(importers, monkeypatch, "--root", str(tmp_path), "--problems", "1/99", "--out", out)
    assert second == first


def test_a_reference_that_differs_from_its_oracle_does_not_pass(
    importers: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    level = tmp_path / "level1"
    level.mkdir()
    (level / "1_Good.py").write_text(GOOD)
    real = importers.calibrate

    def off_by_one(*arguments: Any) -> Any:
        found = real(*arguments)
        found[0].expected[...] += 1
        return found

    monkeypatch.setattr(importers, "calibrate", off_by_one)
    out = str(tmp_path / "out.json")
    found = run(importers, monkeypatch, "--root", str(tmp_path), "--levels", "1", "--out", out)
    assert found["suites"]["kernelbench:1"] == {"problems": 1, "import": 1, "passes_itself": 0}
    assert "out_0: wrong_result" in found["problems"]["kernelbench:1/1"]["itself"]
