"""Which problems of a checkout a benchmark goes through, and that results are kept by problem."""

from __future__ import annotations

import argparse
import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FILE = Path(__file__).resolve().parents[3] / "benchmarks" / "checkouts.py"


@pytest.fixture
def checkouts(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = importlib.import_module("benchmarks.checkouts")
    monkeypatch.setattr(module, "apart", lambda work, deadline_s: work())  # tests run threads, which no fork has
    monkeypatch.setattr(sys, "argv", ["of_tests.py"])
    return module


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for level, numbers in ((1, (1, 2, 10)), (2, (3,))):
        folder = tmp_path / "KernelBench" / f"level{level}"
        folder.mkdir(parents=True)
        for number in numbers:
            (folder / f"{number}_One.py").write_text("class Model: ...\ndef get_inputs(): ...\n")
    for task in ("amd/moe", "bio/mul"):
        (tmp_path / "tasks" / task).mkdir(parents=True)
        (tmp_path / "tasks" / task / "task.yml").touch()
    return tmp_path


def options(checkouts: ModuleType, root: Path, *words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    checkouts.add_options(parser, root / "out.json")
    return parser.parse_args(words)


def places(checkouts: ModuleType, root: Path, *words: str) -> list[str]:
    return [checkouts.place(one) for one in checkouts.addresses(options(checkouts, root, *words))]


def test_all_problems_or_those_that_are_named(checkouts: ModuleType, root: Path) -> None:
    bench = ("--root", str(root))
    assert places(checkouts, root, *bench) == ["1/1", "1/2", "1/10", "2/3"]
    assert places(checkouts, root, *bench, "--levels", "2") == ["2/3"]
    assert places(checkouts, root, *bench, "--problems", "1/2-10,2/3") == ["1/2", "1/10", "2/3"]
    assert places(checkouts, root, *bench, "--problems", "1/1") == ["1/1"]
    assert places(checkouts, root, "--gpumode", str(root / "tasks")) == ["amd/moe", "bio/mul"]
    assert places(checkouts, root, "--gpumode", str(root / "tasks"), "--tasks", "bio/mul") == ["bio/mul"]
    with pytest.raises(SystemExit, match="level/number"):
        places(checkouts, root, *bench, "--problems", "one")


def test_results_are_kept_by_problem_with_what_made_them(checkouts: ModuleType, root: Path) -> None:
    def go(value: int, *words: str) -> dict[str, Any]:
        found: dict[str, Any] = checkouts.go_through(
            options(checkouts, root, *words), lambda _: {"value": value}, len, str, 60
        )
        assert json.loads((root / "out.json").read_text()) == found
        return found

    go(1, "--root", str(root), "--levels", "1")
    found = go(2, "--root", str(root), "--problems", "1/2,2/3")
    assert {name: row["value"] for name, row in found["problems"].items()} == {
        "kernelbench:1/1": 1, "kernelbench:1/2": 2, "kernelbench:1/10": 1, "kernelbench:2/3": 2,
    }  # fmt: skip
    assert list(found["problems"])[:3] == ["kernelbench:1/1", "kernelbench:1/2", "kernelbench:1/10"]
    assert found["suites"] == 4
    commands = [row["command"] for row in found["problems"].values()]
    assert commands[0] == "python benchmarks/of_tests.py --root KERNELBENCH --levels 1"
    assert commands[1] == "python benchmarks/of_tests.py --root KERNELBENCH --problems 1/2,2/3"
    assert set(found["problems"]["kernelbench:1/1"]) == {"value", "command", "commit"}


def test_a_row_that_another_process_wrote_meanwhile_stays(checkouts: ModuleType, root: Path) -> None:
    out = root / "out.json"

    def work(_: object) -> dict[str, Any]:
        checkouts.keep(out, {"kernelbench:2/3": {"value": 9}}, len)
        return {"value": 1}

    found = checkouts.go_through(options(checkouts, root, "--root", str(root), "--levels", "1"), work, len, str, 60)
    assert found["problems"]["kernelbench:2/3"] == {"value": 9}
    assert len(found["problems"]) == 4


def test_what_dies_or_takes_too_long_is_said() -> None:
    """In a process without threads, as the benchmarks are."""
    script = (
        "import importlib.util, json, os, sys, time\n"
        f"spec = importlib.util.spec_from_file_location('checkouts', {str(FILE)!r})\n"
        "module = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(module)\n"
        "print(json.dumps([module.apart(lambda: {'value': 1}, 60), module.apart(lambda: os._exit(3), 60),\n"
        "                  module.apart(lambda: time.sleep(60), 1)]))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    said = json.loads(done.stdout)
    assert said == [
        {"value": 1},
        {"why": f"its process ended with status {3 << 8}"},
        {"why": "it took longer than 1 s"},
    ]
