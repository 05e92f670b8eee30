"""KernelBench: a file that defines ``ModelNew``, beside the file with ``Model`` that it takes the place of."""

from __future__ import annotations

import ast

from warploom.errors import ConfigError
from warploom.export.gather import Operator, integer_ranges
from warploom.export.imported import Imported
from warploom.export.inline import evidence_file, inline, one_or_all, only_variant
from warploom.export.naming import Naming
from warploom.values.plain_text import printable
from warploom.values.problem import Problem, Tensor, Workload
from warploom.values.shape import extents

FORMAT = "kernelbench"
FILES = ("reference.py", "model_new.py")

_NOISE = "noise"
"""The buffer that stands for dropout's random numbers, see :mod:`warploom.problems.importers.dropout`."""


def kernelbench(operator: Operator, names: Naming) -> dict[str, str]:
    """Path → text of both files, and the evidence.

    Args:
        operator: what is exported; one variant.
        names: what everything is called.

    Raises:
        ConfigError: several variants; or the problem came in another format, or draws random numbers.
    """
    variant = only_variant(operator, FORMAT)
    reference, new = (
        _native(operator, names) if operator.imported is None else _module(operator, names, operator.imported)
    )
    return {**dict(zip(FILES, (reference, new), strict=True)), **evidence_file(variant)}


def about(operator: Operator) -> str:
    """A docstring for a file that holds the kernel."""
    title = printable(" ".join(operator.problem.title.split())).replace("\\", "/").replace('"', "'")
    shapes = "; ".join(str(row.workload) for row in operator.table)
    return (
        f'"""{title or operator.problem.name}\n\n'
        f"A CPU kernel that Warploom found (candidate {operator.variants[0].id}), right on all it was checked\n"
        f"with, and faster than PyTorch {operator.over} at: {shapes}.\n"
        'Every other call runs the reference.\n"""\n\n'
    )


def draws(problem: Problem, workload: Workload) -> list[str]:
    """An expression of PyTorch for each input, as the judge draws its normal ones."""
    found = []
    for tensor, (low, high) in zip(problem.inputs.values(), integer_ranges(problem, workload), strict=True):
        found.append(_draw(tensor, repr(list(extents(tensor.shape, workload.extents))), str(low), str((high or 0) + 1)))
    return found


def _draw(tensor: Tensor, shape: str, low: str, high: str) -> str:
    if not tensor.dtype.startswith(("float", "bfloat")):
        return f"torch.randint({low}, {high}, {shape}).to(torch.{tensor.dtype})"
    scaled = f"torch.randn({shape})" if tensor.scale == 1 else f"(torch.randn({shape}) * {tensor.scale!r})"
    positive = f"{scaled}.abs()" if tensor.positive else scaled
    return positive if tensor.dtype == "float32" else f"{positive}.to(torch.{tensor.dtype})"


def _native(operator: Operator, names: Naming) -> tuple[str, str]:
    """A module without parameters around a function."""
    arguments = ", ".join(names.arguments)
    drawn = ",\n        ".join(draws(operator.problem, operator.table[0].workload))
    reference = (
        f"{operator.reference.rstrip()}\n\n\nimport torch\n\n\n"
        f"class Model(torch.nn.Module):\n    def forward(self, {arguments}):\n"
        f"        return reference({arguments})\n\n\n"
        f"def get_inputs():\n    return [\n        {drawn},\n    ]\n\n\n"
        "def get_init_inputs():\n    return []\n"
    )
    new = (
        f"{about(operator)}{operator.reference.rstrip()}\n\n\n{inline(operator, names)}\n\n"
        f"class ModelNew(torch.nn.Module):\n    def forward(self, {arguments}):\n"
        f"        found = warploom_kernel({arguments})\n"
        f"        return reference({arguments}) if found is None else {one_or_all(operator)}\n"
    )
    return without_future(reference), without_future(new)


def _module(operator: Operator, names: Naming, imported: Imported) -> tuple[str, str]:
    """The imported module, and a class of the same parameters."""
    program = imported.program
    if imported.format != FORMAT:
        raise ConfigError(
            f"this problem came in another format; export it back to that one: --format {imported.format}"
        )
    if any(name.rpartition(".")[2] == _NOISE for name in imported.state):
        raise ConfigError("the kernel takes dropout's random numbers as an input, which a module draws itself")
    if len(program.files) != 1:
        raise ConfigError("the reference is more than one file, and ModelNew must be a file alone")
    source = program.files[0][1]
    if not _is_class(source, program.entry):
        raise ConfigError(f"{program.entry} is a function, and ModelNew takes the place of a torch.nn.Module class")
    new = f"""{about(operator)}{source.rstrip()}


{inline(operator, names)}

def warploom_tensors(value):
    \"\"\"The tensors in nested arguments, in order.\"\"\"
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from warploom_tensors(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from warploom_tensors(one)


class ModelNew({program.entry}):
    def forward(self, *arguments):
        own = {{**dict(self.named_parameters()), **dict(self.named_buffers())}}
        given = [one for place, one in enumerate(warploom_tensors(arguments)) if place not in {list(imported.room)!r}]
        found = warploom_kernel(*given, *(own[name] for name in {list(imported.state)!r}))
        return super().forward(*arguments) if found is None else {one_or_all(operator)}
"""
    return source, without_future(new)


def without_future(text: str) -> str:
    """The text without imports from ``__future__``, which may stand at the beginning of a file alone."""
    tree = ast.parse(text)
    lines = text.splitlines(keepends=True)
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            for number in range(node.lineno - 1, node.end_lineno or node.lineno):
                lines[number] = "\n"
    return "".join(lines)


def _is_class(source: str, name: str) -> bool:
    return any(isinstance(node, ast.ClassDef) and node.name == name for node in ast.walk(ast.parse(source)))
