"""Exports in other projects' formats: what is in them, which calls run the kernel, and what goes back to where it came from."""

from __future__ import annotations

import ast
import ctypes
import json
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from warploom.cli.main import BAD_INPUT, PASSED, run
from warploom.errors import ConfigError
from warploom.export.flashinfer import flashinfer
from warploom.export.gather import Operator, gather
from warploom.export.gpumode import gpumode
from warploom.export.inline import quoted
from warploom.export.kernelbench import kernelbench
from warploom.export.naming import naming
from warploom.problems.importers.address import Address
from warploom.problems.importers.flashinfer import find
from warploom.problems.importers.program import Program
from warploom.problems.importers.safetensors import read_tensor
from warploom.problems.importers.writing import ProblemText
from warploom.testing.evidence import PICK_SCALE, PICK_SCALE_KERNEL
from warploom.values.problem import Tensor, Workload

Make = Callable[..., Path]

MARKED = PICK_SCALE_KERNEL.replace("- gain[j];", "- gain[j] + 1.0f;")
"""Adds one to the first output, so that it shows which path a call took."""


def exported(format: Callable[..., Any], place: Path, **options: Any) -> dict[str, str]:
    operator = gather([place], **options)
    files: dict[str, str] = format(operator, naming(operator.problem))
    return files


@pytest.fixture
def fast_build(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[dict[str, Any]]:
    """``load_inline`` takes a minute for PyTorch's headers: the kernel alone is compiled, and called as it would be."""
    from torch.utils import cpp_extension

    built: list[dict[str, Any]] = []

    def load_inline(**words: Any) -> object:
        built.append(words)
        (text,) = words["cpp_sources"]
        kernel, _, binding = text.rpartition('\nextern "C"')
        source, library = tmp_path / f"{len(built)}.cpp", tmp_path / f"{len(built)}.so"
        compiled = tmp_path / f"{len(built)}.o"
        source.write_text(kernel)
        flags = [flag for flag in words["extra_cflags"] if flag != "-fopenmp"]
        subprocess.run(["g++", "-std=c++17", *flags, "-c", str(source), "-o", str(compiled)], check=True)
        # Apart, as there: a library linked with fast-math would flush denormals in whoever loads it, here these tests.
        subprocess.run(["g++", "-shared", str(compiled), "-o", str(library)], check=True)
        symbol = binding.split("void ", 1)[1].split("(")[0]
        call = ctypes.CDLL(str(library))[symbol]
        assert f"{symbol}(\n" in binding.partition("warploom_call")[2]

        class Built:
            def warploom_call(self, tensors: list[torch.Tensor], axes: list[int]) -> None:
                assert all(one.data_ptr() % 64 == 0 and one.is_contiguous() for one in tensors)
                call(*(ctypes.c_void_p(one.data_ptr()) for one in tensors), *map(ctypes.c_int64, axes))

        return Built()

    monkeypatch.setattr(cpp_extension, "load_inline", load_inline)
    return built


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[..., dict[str, Any]]]:
    """Runs a file of an export in its folder: path, files → what it defines."""

    def load(path: str, files: dict[str, str]) -> dict[str, Any]:
        folder = tmp_path / "export"
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        monkeypatch.syspath_prepend(str((folder / path).parent))
        names: dict[str, Any] = {"__file__": str(folder / path), "__name__": "loaded"}
        exec(compile(files[path], path, "exec"), names)
        return names

    yield load
    for name in ("reference", "task"):
        sys.modules.pop(name, None)


def inputs(rows: int = 8, cols: int = 32) -> list[torch.Tensor]:
    return [torch.randn(rows, cols), torch.randint(0, cols, (rows,)), torch.randn(cols)]


def took_kernel(call: Callable[..., Any], tensors: list[torch.Tensor], wanted: Callable[..., Any]) -> bool:
    """Whether the marked kernel answered; either answer must be right but for the mark."""
    (scaled, chosen), (right, picked) = call(*tensors), wanted(*tensors)
    assert torch.equal(chosen, picked)
    off = float((scaled - right).mean())
    assert torch.allclose(scaled - off, right, atol=1e-4)
    return round(off) == 1


def reference(x: torch.Tensor, pick: torch.Tensor, gain: torch.Tensor) -> tuple[torch.Tensor, ...]:
    return x * 2 - gain, x.gather(1, pick[:, None])[:, 0]


# ------------------------------------------------------------ KernelBench


@pytest.mark.torch
def test_a_module_of_kernelbench_runs_the_kernel_where_it_was_verified(
    make: Make, fast_build: list[dict[str, Any]], loaded: Callable[..., dict[str, Any]]
) -> None:
    place = make(source=MARKED, flags=("-ffast-math",), speedups={"eager": [2.0, 0.9]})
    files = exported(kernelbench, place)
    assert set(files) == {"reference.py", "model_new.py", "evidence.json"}
    theirs = loaded("reference.py", {**files, "reference.py": files["reference.py"]})
    model = theirs["Model"](*theirs["get_init_inputs"]())
    drawn = theirs["get_inputs"]()
    assert [tuple(one.shape) for one in drawn] == [(8, 32), (8,), (32,)]
    assert drawn[1].dtype == torch.int64
    assert 0 <= int(drawn[1].min()) <= int(drawn[1].max()) < 32
    new = loaded("model_new.py", files)["ModelNew"]()
    assert took_kernel(new, drawn, model)
    assert took_kernel(new, inputs(), reference)
    x, pick, gain = inputs()
    assert took_kernel(new, [x.t().contiguous().t(), pick, gain], reference), "made contiguous for it"
    assert took_kernel(new, [torch.randn(8 * 32 + 1)[1:].reshape(8, 32), pick, gain], reference), "made aligned for it"
    assert not took_kernel(new, inputs(16, 64), reference), "timed, and slower"
    assert not took_kernel(new, inputs(5, 7), reference)
    assert not took_kernel(new, [x.double(), pick, gain.double()], reference)
    (words,) = fast_build
    assert words["name"].startswith("pick_scale_kernel_")
    assert "-ffast-math" in words["extra_cflags"]
    assert not [flag for flag in words["extra_cflags"] if flag.startswith("-std")], "PyTorch's headers choose theirs"
    assert words["extra_ldflags"][0] == "-fopenmp" or "omp" in words["extra_ldflags"][0]


@pytest.mark.torch
def test_an_index_out_of_range_never_reaches_the_kernel(
    make: Make, fast_build: list[dict[str, Any]], loaded: Callable[..., dict[str, Any]]
) -> None:
    new = loaded("model_new.py", exported(kernelbench, make()))["ModelNew"]()
    x, _, gain = inputs()
    with pytest.raises(RuntimeError, match="out of bounds"):  # of PyTorch's own
        new(x, torch.full((8,), 32), gain)
    assert not fast_build


def test_a_binding_passes_tensors_and_axes_in_calling_order(make: Make) -> None:
    text = exported(kernelbench, make())["model_new.py"]
    values = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and "WARPLOOM_" in node.targets[0].id
        and node.targets[0].id in ("WARPLOOM_SOURCE", "WARPLOOM_BINDING", "WARPLOOM_TABLE")
    }
    assert values["WARPLOOM_SOURCE"] == PICK_SCALE_KERNEL
    assert values["WARPLOOM_TABLE"][(16, 64), (16,), (64,)] == ((16, 64), ((16, 64), (16,)), (None, (0, 63), None))
    wanted = (
        "pick_scale( static_cast<const float*>(tensors[0].data_ptr()), "
        "static_cast<const int64_t*>(tensors[1].data_ptr()), static_cast<const float*>(tensors[2].data_ptr()), "
        "static_cast<float*>(tensors[3].data_ptr()), static_cast<float*>(tensors[4].data_ptr()), axes[0], axes[1]);"
    )
    assert wanted in " ".join(values["WARPLOOM_BINDING"].split())


@pytest.mark.parametrize("text", ["a\n", "it's \\n\n", "'''", "ends with '", "back\\", "tab\tand \x1b", "a\rb", "ü\n"])
def test_source_is_written_as_it_is(text: str) -> None:
    assert ast.literal_eval(quoted(text)) == text
    assert "\x1b" not in quoted(text)


# ------------------------------------------------------------ GPU MODE


@pytest.mark.torch
def test_a_task_of_gpu_mode_and_its_submission(
    make: Make, fast_build: list[dict[str, Any]], loaded: Callable[..., dict[str, Any]]
) -> None:
    import yaml  # type: ignore[import-untyped]

    files = exported(gpumode, make(source=MARKED))
    assert set(files) == {"submission.py", "reference.py", "task.py", "task.yml", "evidence.json"}
    submission, task = loaded("submission.py", files), yaml.safe_load(files["task.yml"])
    theirs = loaded("reference.py", files)
    assert task["benchmarks"][1] == {"rows": 16, "cols": 64, "seed": 2001}
    assert task["tests"][0] == {"rows": 3, "cols": 7, "seed": 1000}
    assert {"name": "submission.py", "source": "@SUBMISSION@"} in task["files"]
    data = theirs["generate_input"](**task["benchmarks"][0])
    again = theirs["generate_input"](**task["benchmarks"][0])
    assert all(torch.equal(one, other) for one, other in zip(data, again, strict=True))
    assert took_kernel(lambda *data: submission["custom_kernel"](data), list(data), reference)
    assert not took_kernel(lambda *data: submission["custom_kernel"](data), inputs(3, 7), reference)
    check = theirs["check_implementation"]
    assert check(data, theirs["ref_kernel"](data)) == (True, "")
    good, said = check(data, submission["custom_kernel"](data))
    assert not good
    assert "output 0 is off by" in said
    assert not check(data, theirs["ref_kernel"](data)[0])[0]
    assert not check(data, (data[0].double(), data[2]))[0]


def test_axes_have_names_that_their_runner_reads(make: Make) -> None:
    shapes = {"axes": ("rows_1", "rows_2")}
    text = PICK_SCALE.replace('"rows cols"', '"rows_1 rows_2"').replace('Tensor("rows")', 'Tensor("rows_1")')
    tensors = {
        "inputs": {
            "x": Tensor("rows_1 rows_2"),
            "pick": Tensor("rows_1", "int64", low=0, high="rows_2-1"),
            "gain": Tensor("rows_2"),
        },
        "outputs": {"scaled": Tensor("rows_1 rows_2"), "chosen": Tensor("rows_1")},
        "workloads": [Workload(rows_1=8, rows_2=32)],
        "held_out": [],
    }
    files = exported(gpumode, make(text=text, problem={**shapes, **tensors}))
    assert '{"rows": 8, "rowsx": 32, "seed": 2000}' in files["task.yml"]
    assert "def generate_input(rows, rowsx, seed):" in files["reference.py"]
    assert "torch.randint(0, rowsx-1, [rows]).to(torch.int64)" in files["reference.py"]


# ------------------------------------------------------------ FlashInfer-Bench


@pytest.mark.torch
def test_a_data_set_of_flashinfer_bench(
    make: Make, fast_build: list[dict[str, Any]], loaded: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    files = exported(flashinfer, make(source=MARKED))
    definition = json.loads(files["definitions/warploom/pick_scale.json"])
    assert definition["axes"] == {"rows": {"type": "var"}, "cols": {"type": "var"}}
    assert definition["inputs"]["pick"] == {"shape": ["rows"], "dtype": "int64"}
    assert list(definition["outputs"]) == ["scaled", "chosen"]
    lines = [json.loads(line) for line in files["workloads/warploom/pick_scale.jsonl"].splitlines()]
    assert [line["workload"]["axes"] for line in lines] == [{"rows": 8, "cols": 32}, {"rows": 16, "cols": 64}]
    first = lines[0]["workload"]
    assert first["inputs"]["x"] == {"type": "random"}
    stored = first["inputs"]["pick"]
    (tmp_path / "pick").write_bytes(files[stored["path"]])  # type: ignore[arg-type]
    pick = read_tensor(tmp_path / "pick", stored["tensor_key"], 1 << 20)
    assert (pick.dtype, pick.shape) == ("int64", (8,))
    assert all(0 <= one < 32 for one in struct.unpack("<8q", pick.data))
    (place,) = (path for path in files if path.startswith("solutions/warploom/warploom/pick_scale/"))
    solution = json.loads(files[place])
    assert solution["spec"]["entry_point"] == "main.py::solve"
    sources = {one["path"]: one["content"] for one in solution["sources"]}
    assert sources["kernel.cpp"] == MARKED
    solve = loaded("main.py", sources)["solve"]
    assert took_kernel(solve, inputs(), reference)
    assert not took_kernel(solve, inputs(4, 4), reference)


def test_a_trace_says_what_was_measured_and_nothing_else(make: Make) -> None:
    files = exported(flashinfer, make(speedups={"eager": [2.0, 3.0], "compile": [1.5, 1.5]}))
    traces = [json.loads(line) for line in files["traces/warploom/pick_scale.jsonl"].splitlines()]
    (place,) = (path for path in files if path.startswith("solutions/"))
    assert {one["solution"] for one in traces} == {json.loads(files[place])["name"]}
    evaluations = [one["evaluation"] for one in traces]
    assert [one["status"] for one in evaluations] == ["PASSED", "PASSED"]
    assert [round(one["performance"]["speedup_factor"], 3) for one in evaluations] == [2.0, 3.0]
    assert evaluations[0]["performance"]["latency_ms"] == pytest.approx(1.0)
    assert evaluations[0]["correctness"]["max_relative_error"] == "NaN", "it was not measured"
    assert evaluations[0]["correctness"]["max_absolute_error"] == 0
    assert evaluations[0]["environment"] == {
        "hardware": "made up",
        "libs": {"torch": "2.6", "toolchain": "g++ 12.2.0", "warploom": "0"},
    }
    assert "2.00× [1.98, 2.02] the speed of PyTorch eager" in evaluations[0]["log"]


def test_what_flashinfer_bench_cannot_say(make: Make) -> None:
    wide = {"inputs": {"x": Tensor("rows cols"), "pick": Tensor("rows", "uint8"), "gain": Tensor("cols")}}
    with pytest.raises(ConfigError, match="has no uint8, which pick is"):
        exported(flashinfer, make("byte", problem=wide))
    derived = {"outputs": {"scaled": Tensor("rows cols"), "chosen": Tensor("rows//2")}}
    with pytest.raises(ConfigError, match=r"chosen has the length rows//2, which follows from other axes"):
        exported(flashinfer, make("derived", problem=derived))
    one = make("one", problem=derived, speedups={"eager": [2.0, 0.5]})
    definition = json.loads(exported(flashinfer, one)["definitions/warploom/pick_scale.json"])
    assert definition["outputs"]["chosen"]["shape"] == ["size_4"]
    assert definition["axes"]["size_4"] == {"type": "const", "value": 4}


# ------------------------------------------------------------ back to where it came from

SHRUNK = "rows scaled (made smaller to be judged here: rows 64 → 8)"

MODEL = """from __future__ import annotations
import torch
from torch import nn

rows, cols = 64, 32

class Model(nn.Module):
    def __init__(self, cols):
        super().__init__()
        self.gain = nn.Parameter(torch.randn(cols))

    def forward(self, x, others):
        return x * 2 - self.gain, x.gather(1, others["pick"][:, None])[:, 0]

def get_inputs():
    return [torch.randn(rows, cols), {"pick": torch.randint(0, cols, (rows,))}]

def get_init_inputs():
    return [cols]
"""

TASK = """import torch

def generate_input(rows, cols, seed):
    torch.manual_seed(seed)
    return torch.randn(rows, cols), torch.randint(0, cols, (rows,)), torch.randn(cols), torch.empty(rows)

def ref_kernel(data):
    x, pick, gain, chosen = data
    chosen[...] = x.gather(1, pick[:, None])[:, 0]
    return x * 2 - gain, chosen
"""


def imported(program: Program, state: tuple[str, ...] = (), room: tuple[int, ...] = ()) -> str:
    """The text of a problem file that holds the program; its tensors are those of the operator of these tests."""
    tensors = {"x": Tensor("rows cols"), "pick": Tensor("rows", "int64", low=0, high="cols"), "gain": Tensor("cols")}
    return ProblemText(
        name="pick_scale",
        title=SHRUNK,
        program=program.to_mapping(),
        inputs=tensors,
        outputs={"scaled": Tensor("rows cols"), "chosen": Tensor("rows")},
        state=state,
        changed=(),
        room=room,
        axes={"rows": (8, 16), "cols": (32, 64)},
        settings={((8, 32),): {}, ((16, 64),): {}},
        recipes=("normal",),
    ).render()


@pytest.mark.torch
def test_an_imported_module_comes_back_with_its_parameters(
    make: Make, fast_build: list[dict[str, Any]], loaded: Callable[..., dict[str, Any]]
) -> None:
    program = Program((("3_Some.py", MODEL),), "Model", construction="get_init_inputs")
    files = exported(
        kernelbench, make(source=MARKED, text=imported(program, state=("gain",)), problem={"title": SHRUNK})
    )
    assert files["reference.py"] == MODEL
    assert "made smaller to be judged here" in files["model_new.py"]
    names = loaded("model_new.py", files)
    torch.manual_seed(1)
    model = names["Model"](32)
    torch.manual_seed(1)
    new = names["ModelNew"](32)
    assert list(new.state_dict()) == list(model.state_dict())
    x, pick, _ = inputs()
    with torch.no_grad():
        assert took_kernel(
            lambda x, pick, gain: new(x, {"pick": pick}), [x, pick, x], lambda x, p, g: model(x, {"pick": p})
        )
        small, few, _ = inputs(5, 32)
        assert not took_kernel(
            lambda x, pick, gain: new(x, {"pick": pick}), [small, few, small], lambda x, p, g: model(x, {"pick": p})
        )


@pytest.mark.torch
def test_an_imported_task_gets_a_submission(
    make: Make, fast_build: list[dict[str, Any]], loaded: Callable[..., dict[str, Any]]
) -> None:
    program = Program((("reference.py", TASK),), "ref_kernel", arguments="generate_input", one_argument=True)
    files = exported(gpumode, make(source=MARKED, text=imported(program, room=(3,))))
    assert set(files) == {"submission.py", "evidence.json"}
    call = loaded("submission.py", {**files, "reference.py": TASK})["custom_kernel"]
    assert took_kernel(lambda *data: call((*data, torch.empty(8))), inputs(), reference)
    assert not took_kernel(lambda *data: call((*data, torch.empty(5))), inputs(5, 7), reference)


@pytest.mark.torch
def test_an_imported_definition_comes_back_as_it_was(
    make: Make, fast_build: list[dict[str, Any]], loaded: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    definition = {
        "name": "pick_scale",
        "op_type": "gather",
        "tags": ["status:verified"],
        "axes": {"rows": {"type": "var"}, "cols": {"type": "const", "value": 32}},
        "inputs": {
            "x": {"shape": ["rows", "cols"], "dtype": "float32"},
            "pick": {"shape": ["rows"], "dtype": "int64"},
            "factor": {"shape": None, "dtype": "float32"},
            "gain": {"shape": ["cols"], "dtype": "float32"},
        },
        "outputs": {
            "scaled": {"shape": ["rows", "cols"], "dtype": "float32"},
            "chosen": {"shape": ["rows"], "dtype": "float32"},
        },
        "reference": "def run(x, pick, factor, gain):\n    return x * factor - gain, x.gather(1, pick[:, None])[:, 0]\n",
    }
    blob = struct.pack("<Q", 62) + b'{"p":{"dtype":"I64","shape":[8],"data_offsets":[0,64]}}' + b" " * 7
    data = struct.pack("<8q", *range(8))
    workload = {
        "uuid": "0a1b",
        "axes": {"rows": 8},
        "inputs": {
            "x": {"type": "random"},
            "pick": {"type": "safetensors", "path": "./blob/p.safetensors", "tensor_key": "p"},
            "factor": {"type": "scalar", "value": 2.0},
            "gain": {"type": "random"},
        },
        "tolerance": {"max_atol": 0.01},
    }
    source = tmp_path / "source"
    (source / "blob").mkdir(parents=True)
    (source / "blob" / "p.safetensors").write_bytes(blob + data)
    (source / "definition.json").write_text(json.dumps(definition))
    (source / "workload.jsonl").write_text(json.dumps(workload))
    program = find(Address("flashinfer", str(source))).program
    place = make(source=MARKED, text=imported(program), speedups={"eager": [2.0, 0.5]})
    files = exported(flashinfer, place)
    assert json.loads(files["definitions/gather/pick_scale.json"]) == definition
    assert json.loads(files["workloads/gather/pick_scale.jsonl"])["workload"] == workload
    (tmp_path / "p").write_bytes(files["blob/p.safetensors"])  # type: ignore[arg-type]
    assert read_tensor(tmp_path / "p", "p", 100).data == data
    (path,) = (path for path in files if path.startswith("solutions/"))
    sources = {one["path"]: one["content"] for one in json.loads(files[path])["sources"]}
    solve = loaded("main.py", sources)["solve"]
    x, pick, gain = inputs()
    assert took_kernel(lambda *tensors: solve(x, pick, 2.0, gain), [x, pick, gain], reference)
    other = solve(x, pick, 3.0, gain)[0]
    assert torch.allclose(other, 3 * x - gain), "made for another scalar, it takes the reference"
    smaller = make("smaller", source=MARKED, text=imported(program), speedups={"eager": [0.5, 2.0]})
    again = json.loads(exported(flashinfer, smaller)["workloads/gather/pick_scale.jsonl"])["workload"]
    assert again["axes"] == {"rows": 16}
    assert again["uuid"] != "0a1b", "another workload has another name"


@pytest.mark.parametrize(
    ("format", "said"),
    [
        ("torch", "export it back to that format: --format kernelbench"),
        ("gpumode", "export it back to that one: --format kernelbench"),
        ("flashinfer", "export it back to that one: --format kernelbench"),
    ],
)
def test_a_problem_goes_back_to_its_own_format_alone(
    make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str], format: str, said: str
) -> None:
    program = Program((("3_Some.py", MODEL),), "Model", construction="get_init_inputs")
    place = make(text=imported(program, state=("gain",)))
    assert run(["export", str(place), "--out", str(tmp_path / "out"), "--format", format]) == BAD_INPUT
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_dropouts_numbers_and_functions_cannot_be_a_module(make: Make) -> None:
    program = Program((("3_Some.py", MODEL),), "Model", construction="get_init_inputs")
    with pytest.raises(ConfigError, match="dropout"):
        exported(kernelbench, make("noise", text=imported(program, state=("drop.noise",))))
    function = Program((("f.py", "def f(x): return x\n"),), "f")
    with pytest.raises(ConfigError, match="f is a function"):
        exported(kernelbench, make("function", text=imported(function)))


def test_formats_of_one_kernel_refuse_two(make: Make) -> None:
    one, other = make("one"), make("other", source=f"{PICK_SCALE_KERNEL}// other\n", speedups={"eager": [1.5, 4.0]})
    operator: Operator = gather([one, other])
    for format in (kernelbench, gpumode, flashinfer):
        with pytest.raises(ConfigError, match="takes one kernel"):
            format(operator, naming(operator.problem))


@pytest.mark.parametrize("format", ["kernelbench", "gpumode", "flashinfer"])
def test_the_command_writes_each_format(
    make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str], format: str
) -> None:
    place = make()
    assert run(["export", str(place), "--out", str(tmp_path / "out"), "--format", format, "--json"]) == PASSED
    said = json.loads(capsys.readouterr().out)
    assert said["format"] == format
    assert {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()} == set(
        said["files"]
    )
    assert run(["export", str(place), "--out", str(tmp_path / "again"), "--format", format]) == PASSED
    assert "README.md" not in capsys.readouterr().out
