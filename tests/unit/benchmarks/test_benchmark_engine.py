from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).resolve().parents[3] / "benchmarks"


def test_it_measures_every_size_and_keeps_its_targets_in_sight(tmp_path: Path) -> None:
    out = tmp_path / "engine.json"
    command = [sys.executable, str(BENCHMARKS / "engine.py"), "--sizes", "20,400", "--measured", "20"]
    made = ["--made-by-the-loop", "100", "--folder", str(tmp_path), "--out", str(out)]
    done = subprocess.run([*command, *made], capture_output=True, text=True, check=True)
    rows = json.loads(out.read_text())["rows"]
    assert [row["candidates"] for row in rows] == [20, 400]
    assert all(0 < row["median_ms"] < 500 for row in rows)
    assert rows[1]["journal_mb"] > rows[0]["journal_mb"]
    assert "resume s" in done.stdout
    assert list(tmp_path.iterdir()) == [out], "the journals are cleared away"
