"""Run inside the build jail: request.json → PoCL → answer.json and kernel.o. Standard library only.

PoCL is asked through OpenCL's own interface. What it makes of a kernel and one size of work-group is a function that
runs a whole work-group; PoCL leaves it as an object file in its cache, from where it is taken. Nothing is enqueued.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

_CPU = 1 << 1
_PLATFORM_VERSION, _PLATFORM_NAME = 0x0901, 0x0902
_DEVICE_NAME, _DEVICE_WORK_GROUP, _DEVICE_LOCAL_BYTES = 0x102B, 0x1004, 0x1023
_BINARY_SIZES, _BUILD_LOG = 0x1165, 0x1183
_WORK_GROUP, _COMPILE_WORK_GROUP, _LOCAL_BYTES, _MULTIPLE, _PRIVATE_BYTES = 0x11B0, 0x11B1, 0x11B2, 0x11B3, 0x11B4
_NO_SUCH_KERNEL = -46

Handle = ctypes.c_void_p


class Failure(Exception):  # noqa: N818 - it is told, not raised on to anybody
    """An answer other than the wanted one."""


class Device:
    """The first processor that PoCL offers.

    Args:
        request: loader and driver, paths of ``libOpenCL`` and ``libpocl``.
    """

    def __init__(self, request: dict[str, Any]) -> None:
        folder = Path("vendors").absolute()
        folder.mkdir()
        (folder / "pocl.icd").write_text(f"{request['driver']}\n")
        os.environ |= {
            "OCL_ICD_VENDORS": str(folder),
            "OCL_ICD_FILENAMES": request["driver"],
            "PYOPENCL_HOME": str(Path(request["loader"]).parent.parent),  # the package's loader cannot do without
            "POCL_CACHE_DIR": str(Path("pocl").absolute()),
            "POCL_LEAVE_KERNEL_COMPILER_TEMP_FILES": "1",
            "POCL_MAX_PTHREAD_COUNT": "1",
            "POCL_CPU_MAX_CU_COUNT": "1",
            # No jail shows /sys, and local memory is sized like a cache that is found there.
            "HWLOC_SYNTHETIC": "package:1 l3:1(size=8388608) l2:1(size=524288) core:1 pu:1",
            "HWLOC_THISSYSTEM": "1",
        }
        self.cl = ctypes.CDLL(request["loader"])
        for name in ("clCreateContext", "clCreateProgramWithSource", "clCreateKernel"):
            getattr(self.cl, name).restype = Handle
        self.platform, self.device = self._find()

    def _find(self) -> tuple[Handle, Handle]:
        count = ctypes.c_uint()
        self.cl.clGetPlatformIDs(0, None, ctypes.byref(count))
        platforms = (Handle * max(count.value, 1))()
        self.cl.clGetPlatformIDs(count, platforms, None)
        for platform in platforms[: count.value]:
            handle, device = Handle(platform), Handle()
            name = self._text("clGetPlatformInfo", handle, _PLATFORM_NAME)
            found = self.cl.clGetDeviceIDs(handle, ctypes.c_uint64(_CPU), 1, ctypes.byref(device), None)
            if name == "Portable Computing Language" and found == 0:
                return handle, device
        raise Failure(f"PoCL offers no device ({count.value} platforms of OpenCL)")

    def _text(self, function: str, *words: Any) -> str:
        """What one of OpenCL's questions for a text is answered."""
        asked = [Handle(word.value) if isinstance(word, Handle) else word for word in words]
        size = ctypes.c_size_t()
        get = getattr(self.cl, function)
        if get(*asked, ctypes.c_size_t(0), None, ctypes.byref(size)) or not size.value:
            return ""
        data = ctypes.create_string_buffer(size.value)
        get(*asked, size, data, None)
        return data.raw.rstrip(b"\0").decode(errors="replace")

    def _number(self, function: str, *words: Any) -> int:
        """What one of OpenCL's questions for a number is answered."""
        value = ctypes.c_uint64()
        getattr(self.cl, function)(*words, ctypes.c_size_t(8), ctypes.byref(value), None)
        return value.value

    def describe(self) -> dict[str, Any]:
        """Version and bounds."""
        return {
            "version": self._text("clGetPlatformInfo", self.platform, _PLATFORM_VERSION),
            "device": self._text("clGetDeviceInfo", self.device, _DEVICE_NAME),
            "work_group": self._number("clGetDeviceInfo", self.device, _DEVICE_WORK_GROUP),
            "local_bytes": self._number("clGetDeviceInfo", self.device, _DEVICE_LOCAL_BYTES),
        }

    def compile(self, request: dict[str, Any], bounds: dict[str, Any]) -> dict[str, Any]:
        """Build the program and the function that runs one work-group of the kernel.

        Args:
            request: text, options, entry_point, block (three extents), linker.
            bounds: from :meth:`describe`.

        Returns:
            status ("built", "compile_error", "no_kernel", "too_much"), log, facts; kernel.o lies beside it when built.
        """
        error, text = ctypes.c_int(), request["text"].encode()
        context = Handle(self.cl.clCreateContext(None, 1, ctypes.byref(self.device), None, None, ctypes.byref(error)))
        program = Handle(
            self.cl.clCreateProgramWithSource(
                context, 1, ctypes.byref(ctypes.c_char_p(text)), None, ctypes.byref(error)
            )
        )
        options = " ".join(request["options"]).encode()
        block = "-".join(str(extent) for extent in request["block"])
        os.environ["POCL_BINARY_SPECIALIZE_WG"] = f"{block}-goffs0"
        status = self.cl.clBuildProgram(program, 1, ctypes.byref(self.device), options, None, None)
        log = self._text("clGetProgramBuildInfo", program, self.device, _BUILD_LOG)
        if status != 0:
            return {"status": "compile_error", "log": log, "facts": {}}
        kernel = Handle(self.cl.clCreateKernel(program, request["entry_point"].encode(), ctypes.byref(error)))
        if error.value == _NO_SUCH_KERNEL or not kernel.value:
            return {"status": "no_kernel", "log": log, "facts": {}}
        facts = self._facts(kernel)
        threads = request["block"][0] * request["block"][1] * request["block"][2]
        if facts["shared_bytes"] > bounds["local_bytes"] or threads > bounds["work_group"]:
            return {"status": "too_much", "log": log, "facts": facts}
        _leave_out_other_sizes(request["entry_point"], request["linker"])
        sizes = ctypes.c_size_t()
        self.cl.clGetProgramInfo(program, _BINARY_SIZES, ctypes.c_size_t(8), ctypes.byref(sizes), None)
        made = sorted(Path("pocl").glob(f"*/*/{request['entry_point']}/{block}-goffs0/*.o"))
        if len(made) != 1:
            return {"status": "compile_error", "log": f"{log}\nPoCL left {len(made)} object files", "facts": facts}
        made[0].replace("kernel.o")
        return {"status": "built", "log": log, "facts": facts}

    def _facts(self, kernel: Handle) -> dict[str, int]:
        asked = {
            "shared_bytes": _LOCAL_BYTES,
            "private_bytes": _PRIVATE_BYTES,
            "preferred_multiple": _MULTIPLE,
            "most_threads": _WORK_GROUP,
        }
        facts = {
            name: self._number("clGetKernelWorkGroupInfo", kernel, self.device, word) for name, word in asked.items()
        }
        required = (ctypes.c_size_t * 3)()
        self.cl.clGetKernelWorkGroupInfo(
            kernel, self.device, _COMPILE_WORK_GROUP, ctypes.sizeof(required), required, None
        )
        return facts | {f"required_{axis}": int(extent) for axis, extent in zip("xyz", required, strict=True)}


def _leave_out_other_sizes(kernel: str, linker: str) -> None:
    """PoCL would compile a second function, for work-groups of any size, were there not one in its cache."""
    for program in Path("pocl").glob("*/*/program.bc"):
        library = program.parent / kernel / "0-0-0" / f"{kernel}.so"
        library.parent.mkdir(parents=True)
        text = f"void _pocl_kernel_{kernel}_workgroup(void) {{}}\n"
        subprocess.run([linker, "-shared", "-x", "c", "-", "-o", library], input=text, text=True, check=False)


def main() -> None:
    """Answer the request in this folder."""
    request = json.loads(Path("request.json").read_text())
    try:
        device = Device(request)
        answer = device.describe()
        if "text" in request:
            answer |= device.compile(request, answer)
            # The path of the text as PoCL keeps it, where a message names no line of ours.
            answer["log"] = re.sub(r"/\S*/tempfile\w*(\.cl)?", "pocl", answer["log"])
    except (Failure, OSError, AttributeError) as error:
        answer = {"status": "broken", "log": str(error)}
    Path("answer.json").write_text(json.dumps(answer))


if __name__ == "__main__":
    main()
