"""Run inside the build jail: request.json → NVRTC → answer.json and cubins. Standard library only."""

from __future__ import annotations

import ctypes
import json
from pathlib import Path
from typing import Any


def compile_one(nvrtc: Any, request: dict[str, Any], architecture: str) -> dict[str, Any]:
    """Compile the main file for one architecture.

    Args:
        nvrtc: the library.
        request: main, flags, headers (name → text), include (folder, "" for none).
        architecture: "sm_90a".

    Returns:
        status of ``nvrtcCompileProgram``, log, ptx.
    """
    program = ctypes.c_void_p()
    source = Path(request["main"]).read_bytes()
    headers = {name: text.encode() for name, text in request["headers"].items()}
    texts = (ctypes.c_char_p * len(headers))(*headers.values())
    names = (ctypes.c_char_p * len(headers))(*(name.encode() for name in headers))
    status = nvrtc.nvrtcCreateProgram(
        ctypes.byref(program), source, request["main"].encode(), len(headers), texts, names
    )
    if status:
        return {"status": status, "log": "the program could not be created", "ptx": ""}
    words = [f"--gpu-architecture={architecture}", "--ptxas-options=-v", "-w", "-I."]
    words += [f"--pre-include={request['pre_include']}", *request["flags"]]
    words += [f"-I{folder}" for folder in request["include"]]
    options = (ctypes.c_char_p * len(words))(*(word.encode() for word in words))
    status = nvrtc.nvrtcCompileProgram(program, len(words), options)
    log = _text(nvrtc.nvrtcGetProgramLogSize, nvrtc.nvrtcGetProgramLog, program)
    if status == 0:
        Path(f"{architecture}.cubin").write_bytes(_text(nvrtc.nvrtcGetCUBINSize, nvrtc.nvrtcGetCUBIN, program))
    ptx = _text(nvrtc.nvrtcGetPTXSize, nvrtc.nvrtcGetPTX, program) if status == 0 else b""
    return {"status": status, "log": _decoded(log), "ptx": _decoded(ptx)}


def _text(size_of: Any, get: Any, program: ctypes.c_void_p) -> bytes:
    size = ctypes.c_size_t()
    if size_of(program, ctypes.byref(size)) or not size.value:
        return b""
    data = ctypes.create_string_buffer(size.value)
    return data.raw if get(program, data) == 0 else b""


def _decoded(data: bytes) -> str:
    return data.rstrip(b"\0").decode(errors="replace")


def main() -> None:
    """Answer the request in this folder."""
    request = json.loads(Path("request.json").read_text())
    nvrtc = ctypes.CDLL(request["library"])
    answer = {name: compile_one(nvrtc, request, name) for name in request["architectures"]}
    Path("answer.json").write_text(json.dumps(answer))


if __name__ == "__main__":
    main()
