"""Run inside the build jail: call a Triton kernel in Triton's interpreter, on the CPU and without PyTorch."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any

os.environ["TRITON_INTERPRET"] = "1"
os.environ["TRITON_CACHE_DIR"] = str(Path.cwd() / "triton")


class Tensor:
    """As much of PyTorch's tensor as the interpreter asks for: flat, on the CPU, its own storage."""

    def __init__(self, dtype: str, array: Any) -> None:
        self.dtype, self.array = dtype, array
        self.device = "cpu"

    def data_ptr(self) -> int:
        """Address of the first element."""
        return int(self.array.ctypes.data)

    def untyped_storage(self) -> Tensor:
        """Itself."""
        return self

    def cpu(self) -> Tensor:
        """Itself: what is written is written here."""
        return self

    def new_empty(self, _size: int, device: str = "cpu") -> Tensor:
        """One that :meth:`set_` will fill."""
        return Tensor(self.dtype, self.array[:0])

    def set_(self, storage: Tensor, _offset: int, _size: Any, _stride: Any) -> None:
        """Take this storage."""
        self.array = storage.array

    def storage_offset(self) -> int:
        """Elements before the first."""
        return 0

    def size(self) -> tuple[int]:
        """Its shape."""
        return (self.array.size,)

    def stride(self) -> tuple[int]:
        """Elements between two."""
        return (1,)

    def copy_(self, _other: Tensor) -> None:
        """Nothing to do: both are one."""


def describe(error: BaseException, main: str) -> str:
    """What a candidate raised, with its innermost line in the candidate's file."""
    line, cause = 0, error
    chain: BaseException | None = error
    while chain is not None:
        frames = traceback.extract_tb(chain.__traceback__)
        line = next((frame.lineno or 0 for frame in reversed(frames) if Path(frame.filename).name == main), line)
        cause, chain = chain, chain.__cause__
    where = f"{main}:{line}: " if line else ""
    return f"{where}{type(cause).__name__}: {' '.join(str(cause).split())}"


def main() -> None:
    """Answer the request in this folder: tensors are files, margins included; each is written back."""
    request = json.loads(Path("request.json").read_text())
    sys.path += request["path"]
    numpy = import_module("numpy")
    place = Path(request["main"])
    answer: dict[str, Any] = {"status": 0, "error": ""}
    try:
        import_module("triton")
        spec = importlib.util.spec_from_file_location(place.stem, place)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        kernel = getattr(module, request["entry_point"])
        for call in request["calls"]:
            wholes: dict[str, Any] = {}
            arguments: list[Any] = []
            for argument in call["arguments"]:
                if isinstance(argument, int):
                    arguments.append(argument)
                    continue
                whole = numpy.fromfile(argument["file"], dtype=argument["dtype"])
                wholes[argument["file"]] = whole
                margin = argument["margin"]
                arguments.append(Tensor(argument["dtype"], whole[margin : whole.size - margin]))
            kernel[tuple(call["grid"])](*arguments, **request["constants"])
            for file, whole in wholes.items():
                whole.tofile(file)
    except Exception as error:  # noqa: BLE001 - a candidate may raise anything
        answer = {"status": 1, "error": describe(error, request["main"])}
    Path("answer.json").write_text(json.dumps(answer))


if __name__ == "__main__":
    main()
