"""The benchmark of exports: what becomes of a package's tests, the tables, and a block that stays the same."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).resolve().parents[3] / "benchmarks"
MADE = {"variants": ["0123"], "slower": []}
MANIFEST = {"table": [{"axes": {"rows": 8}, "speedup": {"eager": {"median": 2.0}, "compile": {"median": 1.5}}}]}


@pytest.fixture(scope="module")
def export() -> ModuleType:
    return importlib.import_module("benchmarks.export")


def said(export: ModuleType, *left_out: str, **verdicts: str) -> str:
    """What pytest prints of a package whose tests ended so; without verdicts all passed."""
    lines = [
        f"{verdicts.get(check, 'PASSED')} tests/test_a.py::test_{check}{end}"
        for check in export.CHECKS
        if check not in left_out
        for end in (("[rows=8]", "[rows=9]") if "shape" in check else ("",))
    ]
    return "\n".join(["==== short test summary info ====", *lines, "==== 7 passed in 3.1s ===="])


def test_an_export_is_right_when_each_of_its_own_tests_ran_and_passed(export: ModuleType) -> None:
    row = export.to_row("a", MADE, MANIFEST, said(export))
    assert row["right"]
    assert row["tests"] == {"passed": 7}
    assert row["checks"]["opcheck"] == {"passed": 1}
    assert row["checks"]["another_shape_is_right_too"] == {"passed": 2}
    assert not export.to_row("a", MADE, MANIFEST, "")["right"]
    for check in export.CHECKS:
        assert not export.to_row("a", MADE, MANIFEST, said(export, check))["right"], "it was not run"
        assert not export.to_row("a", MADE, MANIFEST, said(export, **{check: "FAILED"}))["right"]
        assert not export.to_row("a", MADE, MANIFEST, said(export, **{check: "ERROR"}))["right"]


def test_the_tables_show_every_shape_and_what_went_wrong(export: ModuleType) -> None:
    rows = [export.to_row("a", MADE, MANIFEST, said(export)), {"problem": "b", "right": False, "error": "no kernel"}]
    assert export.table(rows).splitlines()[2:] == [
        "| a | rows=8 | 2.00 | 1.50 | 7 passed |",
        "| b |  |  |  | no kernel |",
    ]
    pair = {"plain_ms": 3.0, "kernels_ms": 1.0, "times_faster": 3.0}
    found = {"kernels": {"a": pair}, "block": {"decode": {"eager": pair, "compiled": pair}}}
    assert export.block_table(found).splitlines()[2] == "| kernel: a | 3 | 1 | 3.00 |"
    assert export.block_table(found).splitlines()[4] == "| block, decode, compiled | 3 | 1 | 3.00 |"


def test_the_recorded_figures_are_of_kernels_that_are_right(export: ModuleType) -> None:
    found = json.loads((BENCHMARKS / "results" / "export.json").read_text())
    assert len([row for row in found["rows"] if row["right"] and row["problem"] not in export.OWN]) >= 3
    assert set(found["in_a_block"]["kernels"]) == set(export.IN_THE_BLOCK)
    for scene in found["in_a_block"]["block"].values():
        assert scene["largest_difference"] < 1e-4 * scene["largest_value"]
        assert scene["compiled_difference"] < 1e-4 * scene["largest_value"]
    assert any(path.startswith("kernel/") for path in found["in_a_block"]["block"]["decode"]["paths"]["gqa_decode"])


@pytest.mark.torch
def test_the_block_computes_what_it_says() -> None:
    """Small: a token after a context of three, by hand."""
    code = (
        "import torch, benchmarks.transformer_block as b\n"
        "torch.manual_seed(0)\n"
        "block = b.Block(b.PLAIN)\n"
        "x = torch.randn(4, b.WIDTH)\n"
        "with torch.no_grad():\n"
        "    whole = block(x)\n"
        "    normed = b.rms_norm_rows(x, block.before)\n"
        "    keys, values = (f(normed).view(4, b.KV_HEADS, b.HEAD).transpose(0, 1).contiguous()\n"
        "                    for f in (block.key, block.value))\n"
        "    last = block(x[3:], keys, values)\n"
        "assert torch.allclose(whole[3:], last, atol=1e-4), float((whole[3:] - last).abs().max())\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=BENCHMARKS.parent, check=True, timeout=120)
