"""FlashInfer-Bench: a data set with a definition, the workloads that were timed, a solution, and its traces.

The solution is Python that compiles the kernel with ``load_inline``: FlashInfer-Bench builds C++ for GPUs alone.
"""

from __future__ import annotations

import ast
import base64
import json
import re
import uuid
from collections.abc import Mapping
from typing import Any

from warploom.errors import ConfigError, ProblemError
from warploom.export.flashinfer_data import native_definition, native_inputs, stored
from warploom.export.flashinfer_trace import evaluation
from warploom.export.gather import Operator, Row
from warploom.export.inline import FROM_FILE, evidence_file, inline, one_or_all, only_variant
from warploom.export.kernelbench import about, without_future
from warploom.export.naming import Naming

FORMAT = "flashinfer"
AUTHOR = "warploom"

_SPACE = uuid.UUID("5bb5d2c0-6d0c-5b0e-9f0e-3a1c7d4f6b52")
"""Names of workloads are made in it."""


def flashinfer(operator: Operator, names: Naming) -> dict[str, str | bytes]:
    """Path → content of every file of the data set.

    Args:
        operator: what is exported; one variant.
        names: what everything is called.

    Raises:
        ConfigError: several variants; the problem came in another format, or cannot be stated in this one.
    """
    variant = only_variant(operator, FORMAT)
    files: dict[str, str | bytes] = {}
    if operator.imported is None:
        definition = native_definition(operator, names)
        workloads = [_native_workload(operator, row, definition, files) for row in operator.table]
        scalars: Mapping[str, Any] = {}
    else:
        definition, workload = theirs(operator)
        workloads = [_their_workload(workload, row, files) for row in operator.table]
        scalars = {name: one["value"] for name, one in workload["inputs"].items() if one["type"] == "scalar"}
    name, kind = str(definition["name"]), _file(str(definition.get("op_type") or "op"))
    solution = _solution(operator, names, definition, scalars)
    lines = [{"definition": name, "workload": one, "solution": None, "evaluation": None} for one in workloads]
    traces = [
        {**line, "solution": solution["name"], "evaluation": evaluation(variant, row)}
        for line, row in zip(lines, operator.table, strict=True)
    ]
    file = _file(name)
    return {
        f"definitions/{kind}/{file}.json": json.dumps(definition, indent=2) + "\n",
        f"workloads/{kind}/{file}.jsonl": _lines(lines),
        f"solutions/{AUTHOR}/{kind}/{file}/{_file(str(solution['name']))}.json": json.dumps(solution, indent=2) + "\n",
        f"traces/{kind}/{file}.jsonl": _lines(traces),
        **evidence_file(variant),
        **files,
    }


def theirs(operator: Operator) -> tuple[dict[str, Any], dict[str, Any]]:
    """Definition and workload that the problem was imported from, as they were.

    Raises:
        ConfigError: it was imported from something else.
        ProblemError: its text was changed by hand.
    """
    assert operator.imported is not None
    if operator.imported.format != FORMAT:
        raise ConfigError(
            f"this problem came in another format; export it back to that one: --format {operator.imported.format}"
        )
    (_, reference), (_, inputs) = operator.imported.program.files
    found: dict[str, Any] = {}
    try:
        for node in ast.parse(inputs).body:
            match node:
                case ast.Assign(targets=[ast.Name(id=("definition" | "workload") as name)], value=value):
                    found[name] = ast.literal_eval(value)
        return {**found["definition"], "reference": reference}, found["workload"]
    except (ValueError, LookupError, SyntaxError) as error:
        raise ProblemError(f"the imported definition cannot be read: {error}") from None


def _their_workload(workload: Mapping[str, Any], row: Row, files: dict[str, str | bytes]) -> dict[str, Any]:
    """As it was, under another name where it was made smaller; stored tensors are files again."""
    inputs: dict[str, Any] = {}
    for name, one in workload["inputs"].items():
        inputs[name] = {key: value for key, value in one.items() if key not in ("dtype", "shape", "data")}
        if one["type"] == "safetensors":
            path = re.sub(r"^(\.?/)+", "", one["path"])
            files[path] = stored(one["tensor_key"], one["dtype"], one["shape"], base64.b64decode(one["data"]))
    axes = {name: row.workload.extents.get(name, length) for name, length in workload["axes"].items()}
    own = workload["uuid"] if axes == workload["axes"] else _uuid(workload["uuid"], json.dumps(axes))
    return {**workload, "axes": axes, "inputs": inputs, "uuid": own}


def _native_workload(
    operator: Operator, row: Row, definition: Mapping[str, Any], files: dict[str, str | bytes]
) -> dict[str, Any]:
    own = _uuid(operator.problem.hash, str(row.workload))
    axes = {name: row.workload.extents[name] for name, one in definition["axes"].items() if one["type"] == "var"}
    return {"uuid": own, "axes": axes, "inputs": native_inputs(row, str(definition["name"]), own, files)}


def _solution(
    operator: Operator, names: Naming, definition: Mapping[str, Any], scalars: Mapping[str, Any]
) -> dict[str, Any]:
    variant = operator.variants[0]
    inputs = list(definition["inputs"])
    arguments = inputs if operator.imported is not None else list(names.arguments)
    tensors = [one for one in arguments if one not in scalars]
    if len(tensors) != len(operator.problem.inputs):
        raise ConfigError("a scalar of this workload is random, and the kernel was made for one value of it")
    same = " and ".join(f"{name} == {value!r}" for name, value in scalars.items())
    call = f"warploom_kernel({', '.join(tensors)})"
    text = (
        f"{about(operator)}{inline(operator, names, FROM_FILE)}\n\n"
        f"{str(definition['reference']).strip()}\n\n\n"
        f"def solve({', '.join(arguments)}):\n"
        f"    found = {f'{call} if {same} else None' if same else call}\n"
        f"    return run({', '.join(arguments)}) if found is None else {one_or_all(operator)}\n"
    )
    name = f"{definition['name']}_{AUTHOR}_{variant.id}"
    return {
        "name": name,
        "definition": definition["name"],
        "author": AUTHOR,
        "spec": {
            "language": "python",
            "target_hardware": ["cpu"],
            "entry_point": "main.py::solve",
            "dependencies": [],
            "destination_passing_style": False,
        },
        "sources": [
            {"path": "main.py", "content": without_future(text)},
            {"path": "kernel.cpp", "content": variant.evidence.candidate.source},
        ],
        "description": f"C++ for this CPU, found by Warploom: faster than PyTorch {operator.over} at "
        + "; ".join(str(row.workload) for row in operator.table),
    }


def _uuid(*words: str) -> str:
    return str(uuid.uuid5(_SPACE, "\n".join(words)))


def _file(word: str) -> str:
    """A name for a file."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", word).lstrip(".") or "_"


def _lines(values: list[dict[str, Any]]) -> str:
    return "".join(f"{json.dumps(one)}\n" for one in values)
