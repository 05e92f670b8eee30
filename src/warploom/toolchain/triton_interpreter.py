"""Triton's interpreter: a kernel run on the CPU at small shapes, in a jailed process, to see whether it is right.

It says nothing about speed. Its bfloat16 is silently wrong (errors of 1e10 were seen in Triton 3.9), so the text is
run with float32 in its place.
"""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from warploom.errors import ProblemError
from warploom.syntax import launch as launch_line
from warploom.syntax import tune
from warploom.toolchain import cpp_cache
from warploom.toolchain.gpu import read_json, read_regular
from warploom.toolchain.triton import OPTIONS, TritonToolchain
from warploom.values.candidate import Candidate
from warploom.values.outcome import Failed
from warploom.values.plain_text import printable
from warploom.values.signature import Signature

Array = npt.NDArray[np.generic]

MARGIN = 1024
"""Elements on both sides of each tensor that the kernel may not change."""

MOST_WORKSPACE_BYTES = 1 << 26
"""Of a call: shapes are small here."""

_PROGRAM = Path(__file__).with_name("triton_interpret.py")
_SECONDS = 120.0
_FLOAT = np.dtype(np.float32)


@dataclass(frozen=True)
class InterpretedCall:
    """One call.

    Attributes:
        axes: extents of the problem's axes.
        tensors: inputs and outputs in calling order, flat, float32 where the problem has bfloat16.
    """

    axes: dict[str, int]
    tensors: tuple[Array, ...]


def interpret(
    toolchain: TritonToolchain,
    candidate: Candidate,
    signature: Signature,
    calls: Sequence[InterpretedCall],
    folder: Path,
) -> list[tuple[Array, ...]] | Failed:
    """Make the calls.

    Args:
        toolchain: whose rules and jail hold.
        candidate: the kernel.
        signature: of the problem.
        calls: with the tensors as they are before.
        folder: where a scratch folder may be made.

    Returns:
        For each call the tensors as they are afterwards, or why there are none.
    """
    rejected = toolchain.check_source(candidate, signature)
    if rejected:
        return rejected
    launch, parameters = toolchain.launch(candidate, signature)
    try:
        grids = [launch.blocks(call.axes) for call in calls]
        workspaces = [launch.workspace_bytes(call.axes) for call in calls]
    except ProblemError as error:
        return Failed("verify", "limit", f"the LAUNCH line: {error}")
    if max(workspaces, default=0) > MOST_WORKSPACE_BYTES:
        said = f"a workspace of {max(workspaces)} bytes; Triton's interpreter is given {MOST_WORKSPACE_BYTES} at most"
        return Failed("verify", "limit", said)
    text = launch_line.remove(tune.resolve(candidate.source, dict(candidate.parameters)))
    main = candidate.sources[0][0]
    with cpp_cache.scratch(folder) as scratch:
        (scratch / main).write_text(re.sub(r"\bbfloat16\b", "float32", text))
        asked = []
        for number, call in enumerate(calls):
            tensors = [_store(scratch, f"{number}_{place}.bin", one) for place, one in enumerate(call.tensors)]
            axes = [call.axes[one.name] for one in signature.arguments if one.role == "axis"]
            room = np.zeros(_floats(workspaces[number]), _FLOAT)
            beside = [_store(scratch, f"{number}_workspace.bin", room)] if room.size else []
            asked.append({"grid": grids[number], "arguments": [*tensors, *axes, *beside]})
        request = {
            "main": main,
            "entry_point": signature.entry_point,
            "constants": {name: value for name, value in parameters.items() if name not in OPTIONS},
            "calls": asked,
            "path": list(toolchain.roots()),
        }
        (scratch / "request.json").write_text(json.dumps(request))
        script = shlex.join([sys.executable, "-I", str(_PROGRAM)])
        status = toolchain.jail().run(script, scratch, scratch, _SECONDS)
        log = printable((read_regular(scratch / "log.txt") or b"")[-2000:].decode(errors="replace"))
        if status is None:
            return Failed("verify", "timeout", f"Triton's interpreter did not end within {_SECONDS:g} s", log)
        answer = read_json(scratch / "answer.json") or {"status": status, "error": "it gave no answer"}
        if status != 0 or answer.get("status") != 0:
            return Failed("verify", "crash", f"Triton's interpreter: {str(answer.get('error'))[:400]}", log)
        return _collect(scratch, calls, workspaces)


def _store(folder: Path, name: str, tensor: Array) -> dict[str, str | int]:
    margin = np.full(MARGIN, _margin(tensor.dtype), tensor.dtype)
    np.concatenate([margin, tensor, margin]).tofile(folder / name)
    return {"file": name, "dtype": str(tensor.dtype), "margin": MARGIN}


def _collect(
    folder: Path, calls: Sequence[InterpretedCall], workspaces: Sequence[int]
) -> list[tuple[Array, ...]] | Failed:
    found: list[tuple[Array, ...]] = []
    for number, call in enumerate(calls):
        after: list[Array] = []
        for place, tensor in enumerate(call.tensors):
            inside = _inside(folder / f"{number}_{place}.bin", tensor.dtype, tensor.size, "a tensor")
            if isinstance(inside, Failed):
                return inside
            after.append(inside)
        room = _inside(folder / f"{number}_workspace.bin", _FLOAT, _floats(workspaces[number]), "its workspace")
        if workspaces[number] and isinstance(room, Failed):
            return room
        found.append(tuple(after))
    return found


def _inside(file: Path, dtype: np.dtype[np.generic], count: int, name: str) -> Array | Failed:
    """What stands between the margins of a file, which must be as they were."""
    data = read_regular(file) or b""
    if len(data) != (count + 2 * MARGIN) * dtype.itemsize:
        return Failed("verify", "protocol", "Triton's interpreter gave back a tensor of another size")
    whole = np.frombuffer(data, dtype)
    if (np.concatenate([whole[:MARGIN], whole[-MARGIN:]]) != _margin(dtype)).any():
        return Failed("verify", "out_of_bounds", f"the kernel wrote outside of {name}, in Triton's interpreter")
    return whole[MARGIN : whole.size - MARGIN]


def _floats(size: int) -> int:
    """So many hold so many bytes."""
    return -(-size // 4)


def _margin(dtype: np.dtype[np.generic]) -> int:
    return 1 if dtype == np.bool_ else 77
