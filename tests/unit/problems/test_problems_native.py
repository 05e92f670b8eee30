"""Running a problem file here: what is taken from it, and how it says what is wrong."""

import sys
from pathlib import Path
from typing import Any

import pytest

from warploom.errors import ProblemError
from warploom.problems.native import detach, execute, text_hash
from warploom.values.problem import Reference, Workload

HEAD = "from warploom import Problem, Tensor, Tolerance, Workload\n"
FIELDS: dict[str, str] = {
    "name": '"double_it"',
    "axes": '("n",)',
    "inputs": '{"x": Tensor("n")}',
    "outputs": '{"out": Tensor("n")}',
    "reference": "lambda x: x + x",
    "workloads": "[Workload(n=8)]",
}


def problem_text(**changed: str) -> str:
    fields = ", ".join(f"{name}={value}" for name, value in {**FIELDS, **changed}.items())
    return f"{HEAD}problem = Problem({fields})\n"


def write(directory: Path, text: str) -> Path:
    path = directory / "problem.py"
    path.write_text(text)
    return path


def failure(directory: Path, text: str) -> str:
    path = write(directory, text)
    with pytest.raises(ProblemError) as caught:
        execute(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(str(path))
    return message.removeprefix(str(path))


def test_gives_the_problem_with_a_callable_reference(tmp_path: Path) -> None:
    problem = execute(write(tmp_path, problem_text()))
    assert problem.name == "double_it"
    assert problem.workloads == [Workload(n=8)]
    assert callable(problem.reference)
    assert problem.reference(21) == 42


def test_the_module_can_be_found_by_its_name_while_it_is_used(tmp_path: Path) -> None:
    text = problem_text(reference="double")
    problem = execute(write(tmp_path, text.replace(HEAD, f"{HEAD}def double(x): return x + x\n")))
    reference: Any = problem.reference
    assert sys.modules[reference.__module__].double is reference


def test_detach_names_file_function_and_text(tmp_path: Path) -> None:
    text = problem_text(reference="double").replace(HEAD, f"{HEAD}def double(x): return x + x\n")
    path = write(tmp_path, text)
    assert detach(execute(path), path, text).reference == Reference(str(path), "double", text_hash(text))


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ProblemError, match=r"nowhere\.py: there is no such problem file"):
        execute(tmp_path / "nowhere.py")


def test_a_directory(tmp_path: Path) -> None:
    with pytest.raises(ProblemError, match="this is a directory"):
        execute(tmp_path)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "problem.py"
    path.write_bytes(b"problem = '\xff'")
    with pytest.raises(ProblemError, match="UTF-8 text; byte 11"):
        execute(path)


def test_no_problem_in_it(tmp_path: Path) -> None:
    assert "defines no `problem`; end it with" in failure(tmp_path, "softmax = 1\n")


def test_a_problem_that_is_none(tmp_path: Path) -> None:
    assert "has a `problem` of type dict" in failure(tmp_path, "problem = {}\n")


def test_a_syntax_error_names_its_line(tmp_path: Path) -> None:
    assert failure(tmp_path, "x = 1\ny = (\n").startswith(":2: ")


def test_an_exception_names_the_line_of_the_file(tmp_path: Path) -> None:
    text = "import json\n\njson.loads('{')\n"
    assert failure(tmp_path, text).startswith(":3: JSONDecodeError: ")


def test_an_exit_is_an_error_too(tmp_path: Path) -> None:
    assert failure(tmp_path, "raise SystemExit(3)\n") == ":1: SystemExit: 3"


def test_a_module_that_is_absent(tmp_path: Path) -> None:
    assert ":1: ModuleNotFoundError: No module named 'nowhere'" in failure(tmp_path, "import nowhere\n")


@pytest.mark.parametrize("line", ["import torch", "from torch.nn import functional"])
def test_without_torch_it_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    class NoTorch:
        def find_spec(self, name: str, path: object = None, target: object = None) -> None:
            if name.split(".")[0] == "torch":
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    for name in [name for name in sys.modules if name.split(".")[0] == "torch"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [NoTorch(), *sys.meta_path])
    message = failure(tmp_path, f"\n{line}\n")
    assert message.startswith(":2: PyTorch is not installed")
    assert 'pip install "warploom[torch]"' in message


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"axes": '"n"'}, "axes must be a tuple of names"),
        ({"inputs": '{"x": "n"}'}, "inputs must be a dictionary from names to Tensor"),
        ({"outputs": "[Tensor('n')]"}, "outputs must be a dictionary"),
        ({"workloads": "Workload(n=8)"}, "workloads must be a list of Workload"),
        ({"workloads": "[]"}, "needs at least one output and one workload"),
        ({"workloads": "[Workload(n=8)]", "held_out": '["n=3"]'}, "held_out must be a list of Workload"),
        ({"workloads": "[Workload(m=8)]"}, "must give exactly the axes n"),
        ({"workloads": "[Workload()]"}, "workload Workload() must give exactly the axes n"),
        ({"workloads": "[Workload(n=0)]"}, "axis 'n' of a workload must be a whole number of at least 1, not 0"),
        ({"workloads": "[Workload(n=2.5)]"}, "not 2.5"),
        ({"workloads": '[Workload(n=8, recipe="random")]'}, "recipe 'random' is unknown; known: normal"),
        ({"outputs": '{"out": Tensor("n-8")}'}, "tensor 'out' would be empty at workload n=8"),
        ({"inputs": '{"x": Tensor("m")}'}, "names the axis 'm'; the axes are: n"),
        ({"inputs": '{"x": Tensor("n", "float")}'}, "dtype 'float' is unknown; known: float32"),
        ({"inputs": '{"x": Tensor(8)}'}, "a shape is a text such as 'rows cols', not 8"),
        ({"tolerance": "4.0"}, "tolerance must be a Tolerance"),
        ({"tolerance": "Tolerance(factor=0)"}, "a tolerance has a factor above 0"),
        ({"title": "3"}, "title must be a text, not 3"),
        ({"operations": '"2*m"'}, "names the axis 'm'"),
        ({"name": '"double-it"'}, "must be a valid identifier"),
        ({"name": '"double"'}, "problem name 'double' is a reserved word of C++"),
        ({"inputs": '{"n": Tensor("n")}'}, "'n' names both the input and the axis"),
        ({"reference": "42"}, "reference must be a function, not int"),
        (
            {"reference": "lambda x, y: x"},
            "reference cannot be called with the inputs (x): missing a required argument",
        ),
    ],
)
def test_fields_that_are_wrong(tmp_path: Path, changed: dict[str, str], said: str) -> None:
    assert said in failure(tmp_path, problem_text(**changed))


def test_the_workload_of_a_problem_without_axes_has_a_name() -> None:
    assert str(Workload()) == "the only shape"
    assert str(Workload(recipe="wide")) == "the only shape:wide"
    assert str(Workload(n=8)) == "n=8"


def test_a_reference_that_does_not_tell_its_signature_is_taken(tmp_path: Path) -> None:
    assert execute(write(tmp_path, problem_text(reference="max"))).reference is max
