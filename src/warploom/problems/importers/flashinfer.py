"""``flashinfer:NAME`` and ``flashinfer:DIR``: definitions of FlashInfer-Bench and of SOL-ExecBench.

A data set holds ``definitions/…/NAME.json`` and ``workloads/…/NAME.jsonl``; ``--root`` or ``FIB_DATASET_PATH`` says
where it lies. A folder holds ``definition.json`` and ``workload.jsonl``. The first workload is timed, or the one whose
uuid begins with what stands behind an ``@``: ``flashinfer:rmsnorm_h4096@f0f508c3``. Variable axes are sizes, constant
ones stay numbers. What inputs are drawn from is in :mod:`warploom.problems.importers.flashinfer_inputs`.
"""

from __future__ import annotations

import base64
import json
import os
import pprint
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from warploom.errors import ProblemError
from warploom.problems.importers.address import Address
from warploom.problems.importers.program import Found, Program
from warploom.problems.importers.safetensors import read_tensor
from warploom.problems.importers.sources import LARGEST_BYTES, must_define

ROOT = "FIB_DATASET_PATH"
REFERENCE, INPUTS = "reference.py", "inputs.py"
"""Files of the program: the definition's own code, and what it is called with."""

MOST_STORED_BYTES = 4 << 20
"""Of all tensors that a workload takes from files, for the problem file holds them."""

_TEMPLATE = '''"""What the definition is called with."""

from reference import {names}

from warploom.problems.importers.flashinfer_inputs import Inputs

definition = {definition}

workload = {workload}

inputs = Inputs(definition, workload, {custom})
'''


def find(address: Address) -> Found:
    """The program of a definition at one of its workloads.

    Raises:
        ProblemError: no such definition or workload, or it is not as its format asks for.
    """
    definition_path, workload_path, root, uuid = _places(address)
    definition = _definition(definition_path, address)
    workload = _workload(workload_path, definition, uuid, address)
    stored = _with_data(workload, root, workload_path, address)
    name, reference = str(definition["name"]), str(definition["reference"])
    custom = definition.get("custom_inputs_entrypoint")
    _check_reference(reference, ("run", custom) if custom else ("run",), definition_path, address)
    inputs = _TEMPLATE.format(
        names=", ".join(dict.fromkeys(("run", custom) if custom else ("run",))),
        definition=_literal({key: value for key, value in definition.items() if key != "reference"}),
        workload=_literal(stored),
        custom=custom,
    )
    files = ((str(definition_path / REFERENCE), reference), (str(definition_path / INPUTS), inputs))
    sizes = {str(axis): length for axis, length in workload["axes"].items()}
    program = Program(files, "run", arguments="inputs", settings=(sizes,), training=False)
    about = str(definition.get("description") or "").split("\n")[0].partition(". ")[0].rstrip(".")
    return Found(program, name, f"FlashInfer-Bench {name}{f': {about}' if about else ''}")


def _places(address: Address) -> tuple[Path, Path, Path, str]:
    """Definition, workloads, what paths of tensors are relative to, and which workload."""
    folder = Path(address.root, address.place).expanduser().absolute()
    place, uuid = address.place, ""
    if not folder.is_dir() and "@" in place:
        place, _, uuid = place.rpartition("@")
        folder = Path(address.root, place).expanduser().absolute()
    if (folder / "definition.json").is_file():
        return folder / "definition.json", folder / "workload.jsonl", folder, uuid
    if folder.is_dir():
        raise ProblemError(f"{address}: there is no definition.json in {folder}")
    named = address.root or os.environ.get(ROOT)
    if not named:
        raise ProblemError(f"{address}: say where the data set of FlashInfer-Bench is: --root DIR, or {ROOT}=DIR")
    root = Path(named).expanduser().absolute()
    found = {}
    for part, suffix in (("definitions", "json"), ("workloads", "jsonl")):
        if "/" in place or not (root / part).is_dir():
            raise ProblemError(f"{address}: there is no folder {folder}, and {root} has no {part}/…/{place}.{suffix}")
        files = sorted(path for path in (root / part).rglob(f"*.{suffix}") if path.stem == place)
        if not files:
            raise ProblemError(f"{address}: {root} has no {part}/…/{place}.{suffix}")
        found[part] = files[0]
    return found["definitions"], found["workloads"], root, uuid


def _text(path: Path, address: Address) -> str:
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise ProblemError(f"{address}: {path} is larger than such a file is ({LARGEST_BYTES >> 20} MiB at most)")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ProblemError(f"{address}: {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ProblemError(f"{address}: {path} is no UTF-8 text; byte {error.start} is none") from None


def _json(text: str, where: str, address: Address) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ProblemError(f"{address}: {where} is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise ProblemError(f"{address}: {where} is no JSON object")
    return found


def _definition(path: Path, address: Address) -> Mapping[str, Any]:
    """The definition, once it is known to have the form that the rest relies on."""
    found = _json(_text(path, address), str(path), address)

    def need(right: bool, what: str) -> None:
        if not right:
            raise ProblemError(f"{address}: {path}: {what}")

    for key, kind, words in (
        ("name", str, "a text"),
        ("reference", str, "Python code"),
        ("axes", dict, "an object from names to axes"),
        ("inputs", dict, "an object from names to tensors"),
        ("outputs", dict, "an object from names to tensors"),
    ):
        need(isinstance(found.get(key), kind) and bool(found[key] or key == "axes"), f"{key} must be {words}")
    for name, axis in found["axes"].items():
        stated = axis if isinstance(axis, dict) else {}
        right = (
            stated.get("type") == "var"
            or (stated.get("type") == "const" and type(stated.get("value")) is int)
            or (stated.get("type") == "expr" and isinstance(stated.get("expression"), str))
        )
        need(right, f"axis {name!r} must be of type var, const with a whole value, or expr with an expression")
    for name, tensor in (*found["inputs"].items(), *found["outputs"].items()):
        right = isinstance(tensor, dict) and isinstance(tensor.get("dtype"), str)
        need(right, f"tensor {name!r} must have a dtype and a shape")
        shape = tensor.get("shape")
        need(shape is None or isinstance(shape, list), f"the shape of {name!r} must be a list of axes, or null")
        for word in shape or ():
            need(
                str(word).isdigit() or word in found["axes"],
                f"tensor {name!r} has an axis {word!r} that is not defined",
            )
    custom = found.get("custom_inputs_entrypoint")
    need(custom is None or str(custom).isidentifier(), "custom_inputs_entrypoint must be the name of a function")
    return found


def _workload(path: Path, definition: Mapping[str, Any], uuid: str, address: Address) -> Mapping[str, Any]:
    """One line of the workloads: a workload, or a trace that holds one."""
    known: list[str] = []
    for number, line in enumerate(_text(path, address).splitlines(), start=1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        found = _json(line, where, address)
        found = found["workload"] if isinstance(found.get("workload"), dict) else found
        if not str(found.get("uuid", "")).startswith(uuid):
            known.append(str(found.get("uuid")))
            continue
        axes, inputs = found.get("axes"), found.get("inputs")
        if not isinstance(axes, dict) or not isinstance(inputs, dict):
            raise ProblemError(f"{address}: {where}: a workload has axes and inputs")
        for name, axis in definition["axes"].items():
            if axis["type"] == "var" and (type(axes.get(name)) is not int or axes[name] < 1):
                raise ProblemError(f"{address}: {where}: axis {name!r} needs a length of at least 1")
        for name, one in inputs.items():
            if name not in definition["inputs"] or not isinstance(one, dict) or "type" not in one:
                raise ProblemError(f"{address}: {where}: {name!r} is no input of the definition, or says no type")
        variable = {name: length for name, length in axes.items() if name in definition["axes"]}
        return {**found, "axes": variable, "inputs": inputs}
    if not known:
        raise ProblemError(f"{address}: {path} holds no workload: there are no sizes to judge at")
    raise ProblemError(f"{address}: no uuid in {path} begins with {uuid!r}; it has: {', '.join(known[:8])}")


def _with_data(workload: Mapping[str, Any], root: Path, path: Path, address: Address) -> dict[str, Any]:
    """The workload with the content of the tensors that it names, so that it needs no file any more."""
    inputs, room = {}, MOST_STORED_BYTES
    for name, one in workload["inputs"].items():
        inputs[name] = dict(one)
        if one["type"] != "safetensors":
            continue
        if not isinstance(one.get("path"), str) or not isinstance(one.get("tensor_key"), str):
            raise ProblemError(f"{address}: {path}: input {name!r} must name a path and a tensor_key")
        file = (root / one["path"]).resolve()
        if not file.is_relative_to(root.resolve()):
            raise ProblemError(f"{address}: {path}: input {name!r} lies outside of {root}: {one['path']}")
        try:
            stored = read_tensor(file, one["tensor_key"], room)
        except ProblemError as error:
            raise ProblemError(f"{address}: input {name!r}: {error}") from None
        room -= len(stored.data)
        data = base64.b64encode(stored.data).decode()
        inputs[name] |= {"dtype": stored.dtype, "shape": list(stored.shape), "data": data}
    return {**workload, "inputs": inputs}


def _check_reference(text: str, names: tuple[str, ...], path: Path, address: Address) -> None:
    try:
        must_define(text, names, path, address)
    except SyntaxError as error:
        raise ProblemError(f"{address}: {path}: reference, line {error.lineno}: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise ProblemError(f"{address}: {path}: the reference cannot be read: {error}") from None


def _literal(value: Any) -> str:
    return pprint.pformat(value, width=110, sort_dicts=False)
