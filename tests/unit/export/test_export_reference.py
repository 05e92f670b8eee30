"""The reference leaves its problem file without Warploom, and without having been run."""

from __future__ import annotations

import pytest

from warploom.errors import ProblemError
from warploom.export.reference import free_reference

TAIL = 'problem = Problem(name="f", inputs={"x": Tensor("n")}, outputs={"out": Tensor("n")}, reference=f)\n'


def run(text: str) -> dict[str, object]:
    names: dict[str, object] = {}
    exec(compile(text, "reference.py", "exec"), names)
    return names


def test_what_the_function_needs_stays_as_it_was_written() -> None:
    text = (
        '"""Doc."""\n\nfrom __future__ import annotations\n\nimport math\n\nfrom warploom import Problem, Tensor\n\n'
        "TWO = 2  # kept\n\n\ndef half(x):\n    return x / TWO\n\n\ndef f(x):\n    return half(x) + math.pi\n\n\n"
        + TAIL
    )
    found = free_reference(text, "p.py")
    assert "TWO = 2  # kept" in found.text
    assert "warploom" not in found.text
    assert "problem" not in found.text
    assert found.text.endswith("reference = f\n")
    assert run(found.text)["reference"](4) == pytest.approx(2 + 3.141592653589793)  # type: ignore[operator]
    assert (found.inputs, found.outputs) == (("x",), ("out",))


def test_what_is_made_of_warplooms_names_goes_too() -> None:
    text = (
        "import warploom as w\n\ndef shapes(n):\n    return [w.Workload(n=k) for k in range(n)]\n\n"
        "SIZES = shapes(3)\nMORE = SIZES + SIZES\n\ndef f(x):\n    return x\n\n"
        'problem = w.Problem(inputs=dict(b=1, a=2), outputs={}, workloads=MORE, reference=f, name="f")\n'
    )
    found = free_reference(text, "p.py")
    assert run(found.text)["reference"](1) == 1  # type: ignore[operator]
    assert "SIZES" not in found.text
    assert "shapes" not in found.text
    assert found.inputs == ("b", "a")


def test_an_assignment_that_nothing_uses_any_more_goes() -> None:
    text = (
        "from warploom import Problem, Workload\nN = 3\nSIZES = [N, 4]\nA = 1\nB = A\n\ndef f(x):\n    return x + B\n\n"
        "problem = Problem(workloads=[Workload(n=s) for s in SIZES], reference=f)\n"
    )
    found = free_reference(text, "p.py").text
    assert "SIZES" not in found
    assert "N =" not in found
    assert run(found)["reference"](1) == 2  # type: ignore[operator]


@pytest.mark.parametrize(
    ("definition", "expression"), [("", "lambda x: x + 1"), ("import operator", "operator.neg"), ("f = abs", "f")]
)
def test_any_expression_may_be_the_reference(definition: str, expression: str) -> None:
    text = f"from warploom import Problem\n{definition}\nproblem = Problem(reference={expression})\n"
    assert callable(run(free_reference(text, "p.py").text)["reference"])


def test_a_function_called_reference_needs_no_second_name() -> None:
    text = "from warploom import Problem\ndef reference(x):\n    return x\nproblem = Problem(reference=reference)\n"
    assert free_reference(text, "p.py").text == "def reference(x):\n    return x\n"


def test_statements_that_share_a_line_are_told_apart() -> None:
    text = "from warploom import Problem; A = 1\ndef f(x): return A + B\nproblem = Problem(reference=f); B = 2\n"
    names = run(free_reference(text, "p.py").text)
    assert names["B"] == 2
    assert names["reference"](0) == 3  # type: ignore[operator]
    assert "Problem" not in names


def test_decorated_definitions_go_whole() -> None:
    text = (
        "import functools\nfrom warploom import Problem, Tensor\n\n@functools.cache\ndef t():\n    return Tensor\n\n"
        "def f(x):\n    return x\n\nproblem = Problem(reference=f)\n"
    )
    assert "cache" not in free_reference(text, "p.py").text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = (\n", "cannot be read"),
        ("def f(x):\n    return x\n", "no `reference=`"),
        (
            "from warploom import Problem, Tensor\ndef f(x):\n    return Tensor(x)\nproblem = Problem(reference=f)\n",
            "f",
        ),
        ("from warploom import Problem, Tensor\nK = Tensor('n')\np = Problem(reference=lambda x: K)\n", "uses K"),
    ],
)
def test_a_reference_that_cannot_stand_alone_is_one_line(text: str, said: str) -> None:
    with pytest.raises(ProblemError, match=said) as caught:
        free_reference(text, "p.py")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("inputs", ["**{}", "inputs=make()", 'inputs={**A, "x": 1}', "inputs=dict(A)"])
def test_inputs_that_are_no_dictionary_as_written_are_unknown(inputs: str) -> None:
    text = f"from warploom import Problem\nf = abs\np = Problem(reference=f, {inputs})\n"
    assert free_reference(text, "p.py").inputs == ()
