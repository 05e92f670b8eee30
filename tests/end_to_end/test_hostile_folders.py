"""Folders that are broken or mean harm, in every format: one clear line each, and nothing is run outside the jail."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from warploom.errors import ProblemError
from warploom.problems.importers import bring, openevolve
from warploom.problems.importers.address import Address
from warploom.problems.importers.openevolve import read_folder, score
from warploom.problems.jail import find_jail
from warploom.problems.load import locate

Write = Callable[[Path, str], Address]

SNOOP = """
import os, socket
seen = []
def attempt(name, action):
    try:
        if action():
            seen.append(name)
    except (OSError, ValueError):
        pass
attempt("home", lambda: open(SECRET).read())
attempt("environment", lambda: "planted" in repr(dict(os.environ)))
attempt("parent", lambda: open(f"/proc/{PARENT}/environ").read())
attempt("network", lambda: socket.create_connection(("127.0.0.1", PORT), timeout=2))
attempt("left", lambda: open(os.path.join(os.path.dirname(SECRET), "left"), "w").write("x"))
__import__("_".join(["nowhere", *seen]))
"""
EVERYTHING = "nowhere_home_environment_parent_network_left"


def pytorch(folder: Path, head: str, entry: str = "f") -> Address:
    (folder / "foreign.py").write_text(f"{head}\nimport torch\ndef {entry}(x): return x\nf_inputs = [torch.rand(8)]\n")
    return Address("pytorch", f"{folder}/foreign.py:f")


def kernelbench(folder: Path, head: str, entry: str = "Model") -> Address:
    level = folder / "level1"
    level.mkdir(parents=True)
    model = (
        f"class {entry}(torch.nn.Module):\n    def forward(self, x): return x\ndef get_inputs(): return [torch.rand(8)]"
    )
    (level / "1_Foreign.py").write_text(f"{head}\nimport torch\n{model}\n")
    return Address("kernelbench", "1/1", root=str(folder))


def gpumode(folder: Path, head: str, entry: str = "ref_kernel") -> Address:
    task = {"files": [{"name": "reference.py", "source": "reference.py"}], "tests": [{"size": 8, "seed": 1}]}
    (folder / "task.yml").write_text(json.dumps(task))
    text = f"def generate_input(size, seed): return torch.rand(size)\ndef {entry}(data): return data"
    (folder / "reference.py").write_text(f"{head}\nimport torch\n{text}\n")
    return Address("gpumode", str(folder))


def flashinfer(folder: Path, head: str, entry: str = "run") -> Address:
    tensor = {"shape": ["n"], "dtype": "float32"}
    definition = {
        "name": "foreign",
        "axes": {"n": {"type": "var"}},
        "inputs": {"x": tensor},
        "outputs": {"out": tensor},
        "reference": f"{head}\ndef {entry}(x): return x\n",
    }
    (folder / "definition.json").write_text(json.dumps(definition))
    line = {"uuid": "1", "axes": {"n": 8}, "inputs": {"x": {"type": "random"}}}
    (folder / "workload.jsonl").write_text(json.dumps(line))
    return Address("flashinfer", str(folder))


def program(folder: Path, head: str, entry: str = "evaluate") -> Address:
    (folder / "initial_program.py").write_text("answer = 1\n")
    (folder / "evaluator.py").write_text(f"{head}\ndef {entry}(path): return {{'combined_score': 1.0}}\n")
    (folder / "config.yaml").write_text("evaluator: {timeout: 1, cascade_evaluation: false}\n")
    return Address("openevolve", str(folder))


WRITERS: list[Any] = [
    pytest.param(one, id=one.__name__, marks=[] if one is program else [pytest.mark.torch])
    for one in (pytorch, kernelbench, gpumode, flashinfer, program)
]


@pytest.fixture
def jailed() -> None:
    try:
        find_jail()
    except ProblemError as error:
        pytest.skip(str(error))


def look_at(address: Address) -> None:
    """Have the folder's own code run, as the commands do."""
    if address.format == "openevolve":
        folder = read_folder(address)
        score(folder, folder.program)
    else:
        locate(str(address))


def refusal(address: Address) -> str:
    with pytest.raises(ProblemError) as caught:
        look_at(address)
    message = str(caught.value)
    assert "\n" not in message
    assert "Traceback" not in message
    assert message.startswith(f"{address.format}:")
    return message


@pytest.mark.parametrize("write", [pytorch, kernelbench, gpumode, flashinfer, program])
def test_a_missing_function_is_named_and_nothing_is_run(
    write: Callable[..., Address], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("subprocess.Popen", None)
    wanted = {
        "pytorch": "f",
        "kernelbench": "Model",
        "gpumode": "ref_kernel",
        "flashinfer": "run",
        "program": "evaluate",
    }
    said = refusal(write(tmp_path, "raise SystemExit(3)", entry="other"))
    assert f"defines no {wanted[write.__name__]}" in said


@pytest.mark.parametrize("write", WRITERS)
def test_an_import_that_fails_is_one_line_and_saw_nothing(
    write: Write, tmp_path: Path, jailed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        said = refusal(write(tmp_path / "folder", snoop(tmp_path, server.getsockname()[1], monkeypatch)))
    assert said.endswith("ModuleNotFoundError: No module named 'nowhere'")
    assert f":{len(NAMES) + SNOOP.count(chr(10))}: " in said, "the line of the folder's own file"


def test_what_is_trusted_sees_what_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The probes find what there is to be found, so that finding nothing means something."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = program(tmp_path / "folder", snoop(tmp_path, server.getsockname()[1], monkeypatch))
        with pytest.raises(ProblemError, match=f"No module named '{EVERYTHING}'"):
            look_at(replace(address, trust=True))


NAMES = ("SECRET", "PARENT", "PORT")


def snoop(folder: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("MY_SETTING", "planted")
    (folder / "folder").mkdir()
    (folder / "secret").write_text("planted")
    values = (str(folder / "secret"), os.getpid(), port)
    return "".join(f"{name} = {value!r}\n" for name, value in zip(NAMES, values, strict=True)) + SNOOP


@pytest.mark.parametrize("write", WRITERS)
def test_a_loop_at_import_is_ended(write: Write, tmp_path: Path, jailed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bring, "DEADLINE_SECONDS", 1.0)
    monkeypatch.setattr(openevolve, "SECONDS_TO_START", 0.0)
    (tmp_path / "folder").mkdir()  # open to the user that the jail runs as, which pytest's own is not
    said = refusal(write(tmp_path / "folder", "while True: pass"))
    assert "took longer than 1 s; is there a loop without end?" in said
