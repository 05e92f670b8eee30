"""GPU MODE: ``submission.py`` with ``custom_kernel``, and the task it is for where that is not theirs already."""

from __future__ import annotations

import json
import re
from dataclasses import replace

from warploom.errors import ConfigError
from warploom.export.gather import Operator
from warploom.export.inline import evidence_file, inline, one_or_all, only_variant
from warploom.export.kernelbench import about, without_future
from warploom.export.manifest import held_out
from warploom.export.naming import Naming
from warploom.judge.content.inputs import integer_range
from warploom.values.plain_text import printable
from warploom.values.problem import Problem, Tensor, Workload

FORMAT = "gpumode"
SUBMISSION = "submission.py"


def gpumode(operator: Operator, names: Naming) -> dict[str, str]:
    """Path → text of every file.

    Args:
        operator: what is exported; one variant.
        names: what everything is called.

    Raises:
        ConfigError: several variants; or the problem came in another format.
    """
    variant = only_variant(operator, FORMAT)
    if operator.imported is not None:
        return {SUBMISSION: _theirs(operator, names), **evidence_file(variant)}
    axes = _letters(operator.problem)
    return {
        SUBMISSION: _own(operator, names),
        "reference.py": _reference(operator, axes),
        "task.py": "input_t = tuple\noutput_t = object\n",
        "task.yml": _task(operator, axes),
        **evidence_file(variant),
    }


def _own(operator: Operator, names: Naming) -> str:
    return without_future(
        f"{about(operator)}from reference import ref_kernel\n\n{inline(operator, names)}\n\n"
        "def custom_kernel(data):\n    found = warploom_kernel(*data)\n"
        f"    return ref_kernel(data) if found is None else {one_or_all(operator)}\n"
    )


def _theirs(operator: Operator, names: Naming) -> str:
    """For a task that was imported: its argument may be nested, and may hold room for the results."""
    imported = operator.imported
    assert imported is not None
    if imported.format != FORMAT:
        raise ConfigError(
            f"this problem came in another format; export it back to that one: --format {imported.format}"
        )
    return f"""{about(operator)}from reference import ref_kernel

{inline(operator, names)}

def warploom_tensors(value):
    \"\"\"The tensors in the argument, in order.\"\"\"
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from warploom_tensors(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from warploom_tensors(one)


def custom_kernel(data):
    tensors = list(warploom_tensors(data))
    found = warploom_kernel(*(one for place, one in enumerate(tensors) if place not in {list(imported.room)!r}))
    return ref_kernel(data) if found is None else {one_or_all(operator)}
"""


def _letters(problem: Problem) -> dict[str, str]:
    """Axis → a name of letters alone: their runner reads no others from a list of cases."""
    found: dict[str, str] = {}
    for axis in problem.axes:
        word = "".join(letter for letter in axis if letter.isalpha()) or "n"
        while word in found.values() or word == "seed":
            word += "x"
        found[axis] = word
    return found


def _reference(operator: Operator, axes: dict[str, str]) -> str:
    """The reference, what it is called with, and the judge's rule for how exact a result must be."""
    problem = operator.problem
    drawn = ",\n        ".join(_draw(tensor, axes) for tensor in problem.inputs.values())
    tolerance = problem.tolerance
    text = f'''{operator.reference.rstrip()}


import torch


def generate_input({", ".join([*axes.values(), "seed"])}):
    torch.manual_seed(seed)
    return (
        {drawn},
    )


def ref_kernel(data):
    return reference(*data)


def _listed(found):
    return list(found) if isinstance(found, (tuple, list)) else [found]


def check_implementation(data, output):
    """Whether an output is right, and why not: so many times the reference's own error against float64 are allowed."""
    plain = _listed(ref_kernel(data))
    exact = _listed(reference(*(one.double() if one.is_floating_point() else one for one in data)))
    outputs = _listed(output)
    if len(outputs) != len(plain):
        return False, f"{{len(outputs)}} outputs, not {{len(plain)}}"
    for number, (one, near, right) in enumerate(zip(outputs, plain, exact)):
        if one.shape != near.shape or one.dtype != near.dtype:
            return False, f"output {{number}} is {{one.dtype}} of {{tuple(one.shape)}}"
        if not torch.equal(one.isnan(), near.isnan()):
            return False, f"output {{number}} is NaN in other places"
        wanted = right.double().nan_to_num()
        own = (near.double().nan_to_num() - wanted).abs().max()
        allowed = {tolerance.factor!r} * torch.maximum(own, 1e-6 * wanted.abs().max())
        allowed = allowed + {tolerance.absolute!r} + {tolerance.relative!r} * wanted.abs()
        error = (one.double().nan_to_num() - wanted).abs()
        if bool((error > allowed).any()):
            return False, f"output {{number}} is off by {{float(error.max()):.3g}}"
    return True, ""
'''
    return without_future(text)


def _draw(tensor: Tensor, axes: dict[str, str]) -> str:
    shape = f"[{', '.join(_expression(word, axes) for word in tensor.shape.split())}]"
    if tensor.dtype.startswith(("float", "bfloat")):
        values = f"torch.randn({shape})" if tensor.scale == 1 else f"(torch.randn({shape}) * {tensor.scale!r})"
        values = f"{values}.abs()" if tensor.positive else values
        return values if tensor.dtype == "float32" else f"{values}.to(torch.{tensor.dtype})"
    low, high = integer_range(replace(tensor, low=None, high=None), {})
    low_word = _expression(str(tensor.low if tensor.low is not None else low), axes)
    high_word = _expression(str(tensor.high if tensor.high is not None else high), axes)
    return f"torch.randint({low_word}, {high_word}, {shape}).to(torch.{tensor.dtype})"


def _expression(word: str, axes: dict[str, str]) -> str:
    """A length with the axes' other names; the words of a shape are Python as they stand."""
    return re.sub(r"[A-Za-z_]\w*", lambda found: axes.get(found[0], found[0]), word)


def _task(operator: Operator, axes: dict[str, str]) -> str:
    def case(workload: Workload, seed: int) -> str:
        sizes = {axes[axis]: length for axis, length in workload.extents.items()}
        return f"  - {json.dumps({**sizes, 'seed': seed})}"

    timed = [row.workload for row in operator.table]
    title = printable(" ".join(operator.problem.title.split())) or operator.problem.name
    files = [
        {"name": SUBMISSION, "source": "@SUBMISSION@"},
        {"name": "task.py", "source": "task.py"},
        {"name": "reference.py", "source": "reference.py"},
        {"name": "utils.py", "source": "../utils.py"},
        {"name": "eval.py", "source": "../eval.py"},
    ]
    return "\n".join(
        [
            "files:",
            *(f"  - {json.dumps(one)}" for one in files),
            "lang: py",
            f"description: {json.dumps(title)}",
            "config:",
            "  main: eval.py",
            "tests:",
            *(case(one, 1000 + number) for number, one in enumerate([*held_out(operator), *timed])),
            "benchmarks:",
            *(case(one, 2000 + number) for number, one in enumerate(timed)),
            "",
        ]
    )
