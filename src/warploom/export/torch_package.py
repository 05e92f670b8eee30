"""An installable Python package: the kernel as an operator of PyTorch that builds itself at its first use."""

from __future__ import annotations

import json
from pathlib import Path

from warploom.export import runtime
from warploom.export.card import card
from warploom.export.gather import Operator
from warploom.export.manifest import FILE, manifest, variant_files
from warploom.export.markdown import block, code
from warploom.export.naming import Naming
from warploom.search.best.evidence import FILE as EVIDENCE

RUNTIME = ("library.py", "guard.py", "operator.py", "samples.py", "__main__.py")
"""Copied as they are."""

TORCH = "2.6"

LIMITS = (
    (
        "Gradients are the reference's: the backward pass computes it again and lets PyTorch differentiate it. "
        "Training gains nothing from the kernel but its forward pass."
    ),
    "Inside `torch.compile` the operator is one opaque call, on the fallback path too: nothing is fused into it.",
    "Under autocast the operator keeps the dtype of its inputs. `torch.vmap` has no rule for it.",
)


def torch_package(operator: Operator, names: Naming, license_name: str = "") -> dict[str, str]:
    """Path → text of every file.

    Args:
        operator: what is exported.
        names: what everything is called.
        license_name: an SPDX expression, "" to state none.
    """
    inside = f"src/{names.package}"
    use = _use(operator, names)
    return {
        "pyproject.toml": _project(operator, names, license_name),
        "README.md": card(operator, names, use, f"{inside}/variants/{{id}}", LIMITS),
        f"tests/test_{names.package}.py": operator_test(operator, names),
        **{f"{inside}/{path}": text for path, text in module_files(operator, names).items()},
    }


def module_files(operator: Operator, names: Naming, namespace: str = "") -> dict[str, str]:
    """The importable package itself: path inside it → text."""
    files = {
        "__init__.py": _init(operator, names),
        "reference.py": operator.reference,
        FILE: json.dumps(manifest(operator, names, namespace), indent=1) + "\n",
    }
    for name in RUNTIME:
        files[name] = (Path(str(runtime.__file__)).parent / name).read_text(encoding="utf-8")
    for variant in operator.variants:
        for name, text in variant_files(variant).items():
            files[f"variants/{variant.id}/{name}"] = text
        files[f"variants/{variant.id}/{EVIDENCE}"] = json.dumps(variant.evidence.document, indent=1) + "\n"
    return files


def operator_test(operator: Operator, names: Naming) -> str:
    """The package's own tests, for whoever takes it over."""
    return f'''"""The operator against its reference: in the table and out of it, switched off, compiled."""

import pytest
import torch

import {names.package} as package
from {names.package} import samples

CALL = package.{names.function}
ROWS = package.MANIFEST["table"]


def outputs(found):
    return list(found) if isinstance(found, tuple) else [found]


def error(inputs, found):
    return samples.worst_error(package.MANIFEST, package.reference, inputs, outputs(found))


@pytest.mark.parametrize("row", ROWS, ids=[str(row["axes"]) for row in ROWS])
def test_a_shape_of_the_table_runs_the_kernel_and_is_right(row):
    inputs = samples.draw(package.MANIFEST, row, seed=1)
    package.reset_counts()
    assert error(inputs, CALL(*inputs)) <= 1
    assert package.counts() == {{f"kernel/{{row['variant']}}": 1}}


@pytest.mark.parametrize("row", package.MANIFEST["checked"], ids=str)
def test_another_shape_is_right_too(row):
    inputs = samples.draw(package.MANIFEST, row, seed=2)
    package.reset_counts()
    assert error(inputs, CALL(*inputs)) <= 1
    assert sum(package.counts().values()) == 1


def test_the_switch_is_counted(monkeypatch):
    inputs = samples.draw(package.MANIFEST, ROWS[0], seed=3)
    package.reset_counts()
    monkeypatch.setenv("WARPLOOM_DISABLE", package.MANIFEST["name"])
    assert error(inputs, CALL(*inputs)) <= 1
    assert package.counts() == {{"reference/disabled": 1}}


def test_it_compiles_without_a_graph_break():
    inputs = samples.draw(package.MANIFEST, ROWS[0], seed=4)
    assert error(inputs, torch.compile(CALL, fullgraph=True)(*inputs)) <= 1


def test_opcheck():
    row = next(iter(package.MANIFEST["checked"]), ROWS[0])
    inputs = samples.draw(package.MANIFEST, row, seed=5)
    inputs = [one.requires_grad_() if one.is_floating_point() else one for one in inputs]
    operator = getattr(getattr(torch.ops, package.MANIFEST["namespace"]), package.MANIFEST["function"]).default
    torch.library.opcheck(operator, inputs)
'''


def _init(operator: Operator, names: Naming) -> str:
    arguments = ", ".join(f"{one}: Tensor" for one in names.arguments)
    several = len(operator.problem.outputs) > 1
    result = f"tuple[{', '.join('Tensor' for _ in operator.problem.outputs)}]" if several else "Tensor"
    exported = sorted({names.function, "MANIFEST", "counts", "explain", "reference", "reset_counts"})
    listed = ", ".join(f'"{name}"' for name in exported)
    return f'''"""A kernel that Warploom found, as an operator of PyTorch. README.md is its card."""

from pathlib import Path

from torch import Tensor

from .operator import Operator
from .reference import reference

__all__ = [{listed}]

_operator = Operator(Path(__file__).parent, reference)
_call = _operator.call
MANIFEST = _operator.manifest
counts = _operator.counts
reset_counts = _operator.reset_counts
explain = _operator.explain


def {names.function}({arguments}) -> {result}:
    return _call({", ".join(names.arguments)})


{names.function}.__doc__ = MANIFEST["title"]
'''


def _use(operator: Operator, names: Naming) -> str:
    call = f"{names.function}({', '.join(names.arguments)})"
    return "\n\n".join(
        [
            block(f"pip install .\npython -m {names.package} build     # ahead of time; or at the first call", "bash"),
            block(f"from {names.package} import {names.function}, counts\n\n{call}\nprint(counts())", "python"),
            (
                f"A call whose shapes are in the table runs the kernel; every other call runs the PyTorch reference. "
                f"{code('counts()')} says how often each path ran and {code('explain(…)')} says which one a call "
                f"takes and why. {code('WARPLOOM_DISABLE=1')}, or a list of names such as "
                f"{code(f'WARPLOOM_DISABLE={operator.problem.name}')}, switches back to PyTorch at once."
            ),
            (
                "It works inside `torch.compile(fullgraph=True)`. It needs PyTorch, and at its first use a compiler "
                "(`g++`, or what `CXX` names); without one it warns once and runs the reference. Libraries are kept in "
                "`~/.cache/warploom-kernels`, or where `WARPLOOM_KERNEL_CACHE` says; `build --here` puts them into the "
                "package, for an image that ships without a compiler."
            ),
        ]
    )


def _project(operator: Operator, names: Naming, license_name: str) -> str:
    license_line = f"license = {json.dumps(license_name)}\n" if license_name else ""
    return f'''[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "{names.distribution}"
version = "1.0.0"
description = {json.dumps(_summary(operator))}
readme = "README.md"
requires-python = ">=3.10"
{license_line}dependencies = ["torch>={TORCH}"]

[tool.setuptools.packages.find]
where = ["src"]

[tool.setuptools.package-data]
"{names.package}" = ["manifest.json", "variants/*/*"]
'''


def _summary(operator: Operator) -> str:
    """One line of plain letters, as package metadata wants it."""
    words = " ".join((operator.problem.title or operator.problem.name).split())
    return "".join(letter for letter in words if letter.isprintable() and ord(letter) < 0x3000)[:200]
