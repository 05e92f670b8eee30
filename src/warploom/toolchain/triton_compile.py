"""Run inside the build jail: request.json → Triton, ahead of time → answer.json and code files. No other imports."""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import io
import json
import os
import sys
import traceback
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

for _name, _value in {
    "TRITON_CACHE_DIR": str(Path.cwd() / "triton"),
    "TRITON_ALWAYS_COMPILE": "1",
    "TRITON_DUMP_PTXAS_LOG": "1",
    "TRITON_DEFAULT_FP_FUSION": "1",
}.items():
    os.environ[_name] = _value


def load(main: str) -> ModuleType:
    """The candidate's module."""
    spec = importlib.util.spec_from_file_location(Path(main).stem, main)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def compile_one(triton: Any, function: Any, request: dict[str, Any], name: str) -> dict[str, Any]:
    """Compile for one architecture.

    Args:
        triton: the package.
        function: the jitted entry point.
        request: signature (argument → type), constants, options, aligned (places of pointers).
        name: "sm_90a" or "gfx942".

    Returns:
        status 0, shared, warps, scratch (bytes of global memory a block), what ptxas said, and the text of PTX or
        AMD's assembly.
    """
    attributes = {(place,): [["tt.divisibility", 16]] for place in request["aligned"]}
    source = triton.compiler.ASTSource(function, request["signature"], request["constants"], attributes)
    target_of = triton.backends.compiler.GPUTarget
    amd = name.startswith("gfx")
    target = target_of("hip", name, request["warp"][name]) if amd else target_of("cuda", int(name[3:].rstrip("a")), 32)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        made = triton.compile(source, target=target, options=dict(request["options"]))
    code = "hsaco" if amd else "cubin"
    Path(f"{name}.{code}").write_bytes(made.asm[code])
    warps = getattr(made.metadata, "total_num_warps", 0) or made.metadata.num_warps
    return {
        "status": 0,
        "shared": made.metadata.shared,
        "warps": warps,
        "scratch": getattr(made.metadata, "global_scratch_size", 0) or 0,
        "log": said.getvalue(),
        "assembly": made.asm["amdgcn" if amd else "ptx"],
    }


def place_of(error: BaseException, module: ModuleType, main: str) -> str:
    """One line, "kernel.py:7: error: …", for what Triton or Python said."""
    innermost, line = error, 0
    while innermost.__cause__ is not None:
        innermost = innermost.__cause__
    chain: BaseException | None = error
    while chain is not None:
        node, source = getattr(chain, "node", None), getattr(chain, "src", None)
        if isinstance(node, ast.AST) and hasattr(node, "lineno"):
            for value in vars(module).values():
                if source is not None and getattr(value, "src", None) == source:
                    line = first_line(value) + node.lineno - 1
        chain = chain.__cause__
    for frame in traceback.extract_tb(error.__traceback__):
        if not line and frame.filename.endswith(f"/{main}"):
            line = frame.lineno or 0
    text = getattr(innermost, "error_message", None) or str(innermost) or type(innermost).__name__
    return f"{main}:{line}: error: {' '.join(str(text).split())}"


def first_line(function: Any) -> int:
    """The line of ``def`` in the file."""
    after = next(place for place, text in enumerate(function.raw_src) if text.lstrip().startswith("def "))
    return int(function.starting_line_number) + after


def main() -> None:
    """Answer the request in this folder."""
    request = json.loads(Path("request.json").read_text())
    sys.path += request["path"]
    answer: dict[str, Any] = {}
    triton, module = ModuleType("none"), ModuleType("none")
    try:
        triton = import_module("triton")
        for part in ("triton.backends.compiler", "triton.compiler"):
            import_module(part)
        module = load(request["main"])
    except SyntaxError as error:
        said = f"{request['main']}:{error.lineno}: error: {error.msg}"
        answer = {name: {"status": 1, "error": said, "log": said} for name in request["architectures"]}
    except Exception as error:  # noqa: BLE001 - a candidate may raise anything
        said = place_of(error, module, request["main"])
        answer = {
            name: {"status": 1, "error": said, "log": traceback.format_exc()} for name in request["architectures"]
        }
    for name in request["architectures"] if not answer else ():
        try:
            answer[name] = compile_one(triton, getattr(module, request["entry_point"]), request, name)
        except Exception as error:  # noqa: BLE001 - Triton may raise anything
            answer[name] = {"status": 1, "error": place_of(error, module, request["main"]), "log": str(error)}
    Path("answer.json").write_text(json.dumps(answer))


if __name__ == "__main__":
    main()
