"""Definitions of FlashInfer-Bench and SOL-ExecBench: what is found of them, and the problems they become."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest
import torch

from warploom.errors import ProblemError
from warploom.problems.importers import flashinfer
from warploom.problems.importers.address import Address
from warploom.problems.importers.flashinfer_inputs import Inputs
from warploom.problems.importers.program import Found
from warploom.problems.importers.safetensors import read_tensor
from warploom.problems.importers.study import Request, study
from warploom.problems.native import execute

REFERENCE = """import torch

@torch.no_grad()
def run(x, scores, offset, gain, eps):
    heads = x.reshape(x.shape[0], -1, 2).sum(-1)
    return heads * gain + offset.to(x.dtype)[:, None] + eps, scores > 0
"""

DEFINITION: dict[str, Any] = {
    "name": "scaled_pairs_h6",
    "op_type": "pointwise",
    "description": "Pairs are summed. Nobody needs it.\nMore words.",
    "axes": {
        "rows": {"type": "var"},
        "ends": {"type": "var", "description": "one more"},
        "width": {"type": "const", "value": 6},
        "half": {"type": "expr", "expression": "width / 2"},
    },
    "constraints": ["ends == rows + 1", "offset.max() < ends", "rows >= 1"],
    "inputs": {
        "x": {"shape": ["rows", "width"], "dtype": "float32"},
        "scores": {"shape": ["ends"], "dtype": "int32"},
        "offset": {"shape": ["rows"], "dtype": "int64"},
        "gain": {"shape": ["half"], "dtype": "float32"},
        "eps": {"shape": None, "dtype": "float32"},
    },
    "outputs": {
        "summed": {"shape": ["rows", "half"], "dtype": "float32"},
        "chosen": {"shape": ["ends"], "dtype": "bool"},
    },
    "reference": REFERENCE,
}


def stored(path: Path, name: str, dtype: str, shape: list[int], data: bytes) -> None:
    header = json.dumps(
        {"__metadata__": {"a": "b"}, name: {"dtype": dtype, "shape": shape, "data_offsets": [0, len(data)]}}
    )
    path.write_bytes(struct.pack("<Q", len(header)) + header.encode() + data)


def workload(uuid: str = "0a1b-first", rows: int = 3, **inputs: Any) -> dict[str, Any]:
    random = {"type": "random"}
    given = {"x": random, "scores": random, "offset": random, "gain": random, "eps": {"type": "scalar", "value": 0.5}}
    return {"uuid": uuid, "axes": {"rows": rows, "ends": rows + 1}, "inputs": {**given, **inputs}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """As SOL-ExecBench keeps a problem."""
    path = tmp_path / "pairs"
    path.mkdir()
    (path / "definition.json").write_text(json.dumps(DEFINITION))
    lines = [workload(), {"definition": "scaled_pairs_h6", "workload": workload("0c2d-second", 5), "solution": None}]
    (path / "workload.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n\n")
    return path


def found(folder: Path, uuid: str = "") -> Found:
    return flashinfer.find(Address("flashinfer", f"{folder}{uuid and '@'}{uuid}"))


def rewrite(folder: Path, **changes: Any) -> None:
    (folder / "definition.json").write_text(json.dumps({**DEFINITION, **changes}))


def refusal(place: object, root: str = "") -> str:
    with pytest.raises(ProblemError) as caught:
        flashinfer.find(Address("flashinfer", str(place), root=root))
    return str(caught.value)


# ------------------------------------------------------------ finding


def test_a_folder_and_which_of_its_workloads(folder: Path) -> None:
    first = found(folder)
    assert (first.name, first.title) == ("scaled_pairs_h6", "FlashInfer-Bench scaled_pairs_h6: Pairs are summed")
    assert [path for path, _ in first.program.files] == [
        str(folder / "definition.json" / "reference.py"),
        str(folder / "definition.json" / "inputs.py"),
    ]
    assert first.program.files[0][1] == REFERENCE
    assert first.program.settings == ({"rows": 3, "ends": 4},)
    assert found(folder, "0c").program.settings == ({"rows": 5, "ends": 6},), "a trace holds a workload too"
    assert found(folder, "0a").program == first.program


def test_a_name_in_a_data_set(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for part, name, own in (
        ("definitions", "scaled_pairs_h6.json", "definition.json"),
        ("workloads", "scaled_pairs_h6.jsonl", "workload.jsonl"),
    ):
        place = tmp_path / "set" / part / "pointwise"
        place.mkdir(parents=True)
        (place / name).write_text((folder / own).read_text())
    named = flashinfer.find(Address("flashinfer", "scaled_pairs_h6@0c", root=str(tmp_path / "set")))
    assert named.program.settings == ({"rows": 5, "ends": 6},)
    monkeypatch.setenv("FIB_DATASET_PATH", str(tmp_path / "set"))
    assert flashinfer.find(Address("flashinfer", "scaled_pairs_h6@0c")) == named
    assert "has no definitions/…/other.json" in refusal("other")
    monkeypatch.delenv("FIB_DATASET_PATH")
    assert "--root DIR, or FIB_DATASET_PATH=DIR" in refusal("scaled_pairs_h6")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"reference": "def walk(): ..."}, "defines no run; this format needs run"),
        ({"reference": "def run(:"}, "reference, line 1: "),
        ({"axes": {"rows": {"type": "const"}}}, "axis 'rows' must be of type var, const with a whole value"),
        ({"inputs": {}}, "inputs must be an object from names to tensors"),
        (
            {"inputs": {"x": {"shape": ["cols"], "dtype": "float32"}}},
            "tensor 'x' has an axis 'cols' that is not defined",
        ),
        ({"custom_inputs_entrypoint": "make"}, "defines no make"),
    ],
)
def test_a_definition_that_cannot_be_used(folder: Path, changes: dict[str, Any], said: str) -> None:
    rewrite(folder, **changes)
    text = refusal(folder)
    assert said in text
    assert "\n" not in text


def test_workloads_that_cannot_be_used(folder: Path, tmp_path: Path) -> None:
    def written(*lines: object) -> str:
        (folder / "workload.jsonl").write_text("\n".join(map(json.dumps, lines)))
        return refusal(folder)

    assert "no uuid in" in refusal(f"{folder}@ff")
    assert "it has: 0a1b-first, 0c2d-second" in refusal(f"{folder}@ff")
    assert "holds no workload" in written()
    assert "workload.jsonl:1: axis 'ends' needs a length" in written({**workload(), "axes": {"rows": 3}})
    assert "'y' is no input of the definition" in written(workload(y={"type": "random"}))
    outside = {"type": "safetensors", "path": "../other/a.safetensors", "tensor_key": "a"}
    assert "lies outside of" in written(workload(offset=outside))
    pointer = {"type": "safetensors", "path": "a.safetensors", "tensor_key": "a"}
    (folder / "a.safetensors").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:1\n")
    assert "run git lfs pull" in written(workload(offset=pointer))
    (folder / "definition.json").unlink()
    assert "there is no definition.json" in refusal(folder)


def test_a_tensor_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    stored(path, "a", "I32", [2, 1], struct.pack("<2i", 7, -1))
    one = read_tensor(path, "a", 100)
    assert (one.dtype, one.shape, one.data) == ("int32", (2, 1), struct.pack("<2i", 7, -1))
    with pytest.raises(ProblemError, match="has no tensor 'b'; it has: a"):
        read_tensor(path, "b", 100)
    with pytest.raises(ProblemError, match="has 8 bytes; a problem file holds 7 at most"):
        read_tensor(path, "a", 7)
    stored(path, "a", "I32", [3], struct.pack("<2i", 7, -1))
    with pytest.raises(ProblemError, match="its shape wants others"):
        read_tensor(path, "a", 100)
    for junk in (b"", b"\xff" * 20, struct.pack("<Q", 2) + b"[]", path.read_bytes()[:20]):
        path.write_bytes(junk)
        with pytest.raises(ProblemError, match="is no safetensors file"):
            read_tensor(path, "a", 100)
    stored(path, "a", "I32", [2], struct.pack("<2i", 7, -1))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ProblemError, match="ends before"):
        read_tensor(path, "a", 100)


# ------------------------------------------------------------ what it is called with


@pytest.mark.torch
def test_random_and_scalar_inputs() -> None:
    made = Inputs(DEFINITION, workload())
    x, scores, offset, gain, eps = made(rows=200, ends=201)
    assert (x.shape, x.dtype, gain.shape) == ((200, 6), torch.float32, (3,))
    assert 0.9 < float(x.std()) < 1.1
    assert float(x.mean().abs()) < 0.1
    assert scores.dtype == torch.int32
    assert -1024 <= int(scores.min()) < -512
    assert 512 < int(scores.max()) < 1024
    assert offset.dtype == torch.int64
    assert eps == 0.5
    with pytest.raises(ProblemError, match="asks for ends == rows"):
        made(rows=200, ends=200)
    free = workload(eps={"type": "random"})
    assert isinstance(Inputs(DEFINITION, free)(rows=3, ends=4)[-1], float)


@pytest.mark.torch
def test_probabilities_where_an_operation_samples() -> None:
    probs = {"probs": {"shape": ["rows", "width"], "dtype": "float32"}}
    definition = {**DEFINITION, "op_type": "sampling", "inputs": probs, "constraints": None}
    (values,) = Inputs(definition, workload())(rows=4, ends=5)
    assert torch.allclose(values.sum(-1), torch.ones(4))
    (values,) = Inputs({**definition, "op_type": "pointwise"}, workload())(rows=4, ends=5)
    assert float(values.min()) < 0


@pytest.mark.torch
def test_a_definitions_own_function_makes_custom_inputs() -> None:
    asked: list[Any] = []

    def make(axes: dict[str, int], device: torch.device) -> dict[str, torch.Tensor]:
        asked.append((axes, device.type))
        return {name: torch.full((2,), number) for number, name in enumerate(DEFINITION["inputs"])}

    custom: dict[str, Any] = {name: {"type": "custom"} for name in DEFINITION["inputs"]}
    made = Inputs(DEFINITION, workload(**custom), make)(rows=3, ends=4)
    assert [int(one[0]) for one in made] == [0, 1, 2, 3, 4]
    assert asked == [({"width": 6, "rows": 3, "ends": 4, "half": 3}, "cpu")]


@pytest.mark.torch
def test_a_problem_with_stored_tensors(folder: Path) -> None:
    stored(folder / "a.safetensors", "offset", "I64", [3], struct.pack("<3q", 5, 0, 9))
    given = {"type": "safetensors", "path": "./a.safetensors", "tensor_key": "offset"}
    (folder / "workload.jsonl").write_text(json.dumps(workload(offset=given)))
    one = found(folder)
    (folder / "a.safetensors").unlink()  # the problem holds it
    path = folder / "problem.py"
    path.write_text(study(Request(one.program, one.name, one.title, "auto")))
    problem = execute(path)
    assert {name: (tensor.shape, tensor.dtype) for name, tensor in problem.inputs.items()} == {
        "x": ("3 6", "float32"),
        "scores": ("4", "int32"),
        "offset": ("3", "int64"),
        "gain": ("3", "float32"),
    }
    assert (problem.inputs["offset"].low, problem.inputs["offset"].high) == (0, 10)
    assert [tensor.shape for tensor in problem.outputs.values()] == ["3 3", "4"]
    assert problem.outputs["out_1"].dtype == "bool"
    assert callable(problem.reference)
    x, gain = torch.randn(3, 6), torch.randn(3)
    summed, _ = problem.reference(x, torch.ones(4, dtype=torch.int32), torch.tensor([1, 2, 3]), gain)
    wanted = x.reshape(3, 3, 2).sum(-1) * gain + torch.tensor([[1.0], [2.0], [3.0]]) + 0.5
    assert torch.allclose(summed, wanted)


@pytest.mark.torch
def test_variable_axes_are_axes_and_constant_ones_are_numbers(folder: Path) -> None:
    rewrite(folder, constraints=[])
    reference = REFERENCE.replace("offset.to(x.dtype)[:, None]", "offset.sum()")
    rewrite(folder, constraints=[], reference=reference)
    line = {**workload(), "axes": {"rows": 64, "ends": 33}}
    (folder / "workload.jsonl").write_text(json.dumps(line))
    one = found(folder)
    path = folder / "problem.py"
    path.write_text(study(Request(one.program, one.name, one.title, "auto")))
    problem = execute(path)
    assert problem.axes == ("rows", "ends")
    assert [tensor.shape for tensor in problem.inputs.values()] == ["rows 6", "ends", "rows", "3"]
    assert problem.workloads[0].extents == {"rows": 64, "ends": 33}
    assert len({str(one) for one in problem.held_out}) >= 4
