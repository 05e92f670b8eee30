"""Addresses, and what each format's file finds at them: nothing is run for it."""

from pathlib import Path
from typing import Any

import pytest

from warploom.cli.addressed import completed
from warploom.errors import ConfigError, ProblemError
from warploom.problems.importers import gpumode, kernelbench, pytorch
from warploom.problems.importers.address import Address
from warploom.problems.importers.bring import address_of
from warploom.problems.importers.program import Program
from warploom.problems.load import load_problem, locate

MODEL = "class Model: ...\ndef get_inputs(): return []\ndef get_init_inputs(): return []\n"
TASK = """
files:
  - {"name": "submission.py", "source": "@SUBMISSION@"}
  - {"name": "task.py", "source": "task.py"}
  - {"name": "helping.py", "source": "../shared.py"}
  - {"name": "reference.py", "source": "reference.py"}
  - {"name": "eval.py", "source": "../eval.py"}
tests:
  - {"size": 127, "seed": 4242}
benchmarks:
  - {"size": 1024, "seed": 31232}
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    level = tmp_path / "KernelBench" / "level1"
    level.mkdir(parents=True)
    (level / "3_Scaled_sum_.py").write_text(MODEL)
    (level / "33_Other.py").write_text("class Model: ...\n")
    return tmp_path


@pytest.fixture
def task(tmp_path: Path) -> Path:
    folder = tmp_path / "adding_py"
    folder.mkdir()
    (folder / "task.yml").write_text(TASK)
    (folder / "task.py").write_text("a = 1\n")
    (tmp_path / "shared.py").write_text("b = 2\n")
    (folder / "reference.py").write_text("def ref_kernel(data): ...\ndef generate_input(size, seed): ...\n")
    return folder


# ------------------------------------------------------------ addresses


@pytest.mark.parametrize("text", ["softmax", "my/problem.py", "./a:b/problem.py", "/abs/problem.py"])
def test_names_and_paths_are_no_addresses(text: str) -> None:
    assert address_of(text) is None


def test_an_address_and_its_options() -> None:
    assert address_of("kernelbench:1/23") == Address("kernelbench", "1/23")
    whole = Address("kernelbench", "1/23", root="/my checkouts/a&b", scale="full", trust=True)
    assert address_of(str(whole)) == whole
    assert str(Address("pytorch", "m.py:f")) == "pytorch:m.py:f"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kernelbnch:1/2", "unknown format 'kernelbnch' in 'kernelbnch:1/2': did you mean kernelbench:1/2? known: pyt"),
        ("kernelbench:1/2?size=3", "unknown option 'size'; known: root, scale, trust"),
        ("kernelbench:1/2?scale=big", "scale 'big' is unknown; known: auto, full"),
        ("kernelbench:1/2?trust=please", "trust is yes or no, not 'please'"),
    ],
)
def test_a_wrong_address_says_what_is_wrong(text: str, said: str) -> None:
    with pytest.raises(ProblemError) as caught:
        locate(text)
    assert said in str(caught.value)


def test_the_options_of_a_command_go_into_the_address(tmp_path: Path) -> None:
    assert completed("softmax", None, "", False) == "softmax"
    assert completed("kernelbench:1/2", None, "full", False) == "kernelbench:1/2?scale=full"
    assert completed("kernelbench:1/2?scale=full", tmp_path, "", False) == f"kernelbench:1/2?root={tmp_path}&scale=full"
    assert completed("kernelbench:1/2?scale=full", None, "auto", True) == "kernelbench:1/2?trust=yes"
    assert completed("kernelbench:1/2?trust=yes", None, "", False) == "kernelbench:1/2?trust=yes"
    for root, trust in ((tmp_path, False), (None, True)):
        with pytest.raises(ConfigError, match=r"for problems in other formats, such as kernelbench:1/23, not for soft"):
            completed("softmax", root, "", trust)
    with pytest.raises(ConfigError, match="--scale half: known: auto, full"):
        completed("kernelbench:1/2", None, "half", False)


def test_an_unknown_name_tells_of_the_other_formats() -> None:
    with pytest.raises(ProblemError, match=r"by an address: pytorch:…, kernelbench:…, gpumode:…"):
        load_problem("sofmax")


# ------------------------------------------------------------ kernelbench


def test_a_kernelbench_problem_by_level_and_number(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = kernelbench.find(Address("kernelbench", "1/3", root=str(checkout)))
    assert (found.name, found.title) == ("level1_3_scaled_sum", "KernelBench 1/3: Scaled_sum")
    assert found.program.files == ((str(checkout / "KernelBench" / "level1" / "3_Scaled_sum_.py"), MODEL),)
    assert (found.program.entry, found.program.construction, found.program.training) == (
        "Model",
        "get_init_inputs",
        True,
    )
    monkeypatch.setenv("KERNELBENCH_ROOT", str(checkout / "KernelBench"))
    assert kernelbench.find(Address("kernelbench", "1/3")) == found, "the folder of levels does too"


def test_a_kernelbench_problem_that_is_not_there(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KERNELBENCH_ROOT", raising=False)

    def failure(place: str, root: str) -> str:
        with pytest.raises(ProblemError) as caught:
            kernelbench.find(Address("kernelbench", place, root=root))
        return str(caught.value)

    assert "--root DIR, or KERNELBENCH_ROOT=DIR" in failure("1/3", "")
    assert "is no KernelBench checkout" in failure("1/3", str(checkout / "KernelBench" / "level1"))
    assert "level1/4_*.py in this checkout" in failure("1/4", str(checkout))
    assert "level7/3_*.py in this checkout" in failure("7/3", str(checkout))
    assert "by level and number, as in kernelbench:1/23" in failure("softmax", str(checkout))
    assert "33_Other.py defines no get_inputs; this format needs Model, get_inputs" in failure("1/33", str(checkout))


# ------------------------------------------------------------ pytorch


def test_a_name_in_a_file_and_where_its_arguments_stand(tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    path.write_text("def f(x): ...\nclass Block: ...\nexample_inputs = []\ndef Block_inputs(): ...\n")
    function = pytorch.find(Address("pytorch", f"{path}:f")).program
    assert (function.entry, function.arguments, function.construction) == ("f", "example_inputs", "")
    block = pytorch.find(Address("pytorch", "model.py:Block", root=str(tmp_path)))
    assert (block.program.arguments, block.program.training, block.name) == ("Block_inputs", False, "Block")
    path.write_text(
        "class Block: ...\ndef get_init_inputs(): ...\nif True:\n    def get_inputs(): ...\nexample_inputs = []\n"
    )
    block = pytorch.find(Address("pytorch", f"{path}:Block"))
    assert (block.program.arguments, block.program.construction) == ("get_inputs", "get_init_inputs")


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        ("def f(x): ...\n", "f", "does not say what f is called with; add to it: def get_inputs(): return"),
        ("def get_inputs(): ...\n", "g", "defines no g"),
        ("def f(:\n", "f", "model.py:1: "),
        ("", "no name", "give file and name, as in pytorch:model.py:Block"),
    ],
)
def test_a_file_that_lacks_something(tmp_path: Path, text: str, name: str, said: str) -> None:
    (tmp_path / "model.py").write_text(text)
    with pytest.raises(ProblemError) as caught:
        pytorch.find(Address("pytorch", f"model.py:{name}", root=str(tmp_path)))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ProblemError, match=r"nowhere\.py: No such file"):
        pytorch.find(Address("pytorch", f"{tmp_path}/nowhere.py:f"))
    (tmp_path / "bytes.py").write_bytes(b"x = '\xff'")
    with pytest.raises(ProblemError, match="UTF-8 text; byte 5 is none"):
        pytorch.find(Address("pytorch", f"{tmp_path}/bytes.py:f"))
    (tmp_path / "large.py").write_bytes(b"#" * (5 << 20))
    with pytest.raises(ProblemError, match="larger than a source file is"):
        pytorch.find(Address("pytorch", f"{tmp_path}/large.py:f"))


# ------------------------------------------------------------ gpumode


def test_a_task_folder(task: Path) -> None:
    found = gpumode.find(Address("gpumode", str(task)))
    assert found.name == "adding"
    assert [Path(path).name for path, _ in found.program.files] == ["task.py", "shared.py", "reference.py"]
    assert found.program.settings == ({"size": 1024, "seed": 31232}, {"size": 127, "seed": 4242})
    assert found.program.one_argument
    assert Program.from_mapping(found.program.to_mapping()) == found.program


def test_a_task_with_a_forward_and_a_backward(task: Path) -> None:
    (task / "reference.py").write_text(
        "def generate_inputs(batch_size, size, seed): return [batch_size, size, seed]\n"
        "def reference_forward(a, b): return a + b\ndef reference_backward(a, b, c): return a * b * c\n"
    )
    (task / "eval.py").write_text("B = 4_096\n")
    (task / "task.yml").write_text(TASK + "multi_gpu: true\n")
    program = gpumode.find(Address("gpumode", str(task))).program
    assert program.settings[0] == {"batch_size": 4096, "size": 1024, "seed": 31232}
    assert program.ranks
    both: dict[str, Any] = {}
    exec(program.files[-2][1] + program.files[-1][1].replace("from reference import", "# "), both)
    data = both["generate_input"](batch_size=2, size=3, seed=4)
    assert both["ref_kernel"](data) == (5, 24)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("files: [", "is no YAML"),
        ("- 1", "is no task: a mapping with files and tests is wanted"),
        ("tests: []", "lists no files"),
        ('files: [{"name": "reference.py", "source": "task.py"}]\ntests: [{"size": 1}]', "defines no generate_input"),
        ('files: [{"name": "reference.py", "source": "reference.py"}]', "lists no benchmarks and no tests"),
    ],
)
def test_a_task_that_lacks_something(task: Path, text: str, said: str) -> None:
    (task / "task.yml").write_text(text)
    with pytest.raises(ProblemError) as caught:
        gpumode.find(Address("gpumode", str(task)))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ProblemError, match=r"task\.yml: No such file"):
        gpumode.find(Address("gpumode", str(tmp_path)))
