"""Run inside the build jail: request.json → clang → answer.json, assembly and code objects. Standard library only."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any


def compile_one(request: dict[str, Any], architecture: str) -> dict[str, Any]:
    """Compile the main file for one architecture: to assembly, for its facts, and to a code object.

    Args:
        request: compiler, options, flags, main.
        architecture: "gfx942".

    Returns:
        status of the compiler, log, assembly.
    """
    words = [request["compiler"], *request["options"], f"--offload-arch={architecture}", *request["flags"]]
    log = ""
    for output in (["-S", "-o", f"{architecture}.s"], ["-o", f"{architecture}.hsaco"]):
        done = subprocess.run(
            [*words, *output, request["main"]], capture_output=True, text=True, errors="replace", check=False
        )
        log += done.stderr
        if done.returncode:
            return {"status": done.returncode, "log": log, "assembly": ""}
    return {"status": 0, "log": log, "assembly": Path(f"{architecture}.s").read_text(errors="replace")}


def main() -> None:
    """Answer the request in this folder."""
    request = json.loads(Path("request.json").read_text())
    for name, text in request["headers"].items():
        Path(name).write_text(text)
    answer = {name: compile_one(request, name) for name in request["architectures"]}
    Path("answer.json").write_text(json.dumps(answer))


if __name__ == "__main__":
    main()
