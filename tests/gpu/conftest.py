"""A GPU for tests where there is none: a driver on the host's memory, and a compiler that makes modules for it.

What is tested for real is everything around a kernel: the worker, its clock and its window, the wire, poison and guards,
crashes, the judge, the command line. What runs is not what a GPU would run.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from warploom.judge import places, session, stages
from warploom.judge.gpu import gauge as gpu_gauge
from warploom.judge.gpu import offline
from warploom.judge.timing.sampling import Plan
from warploom.propose.moves.cuda.copies import HELPERS
from warploom.sandbox.gpu_device import GpuDevice, find_devices
from warploom.syntax import launch as launch_line
from warploom.toolchain import find
from warploom.toolchain.cuda import CUDA_TYPES, CudaToolchain
from warploom.toolchain.gpu_bundle import ARTIFACT, Bundle, Code
from warploom.toolchain.gpu_cpp import first_error
from warploom.values.candidate import Scalar
from warploom.values.launch import Launch
from warploom.values.outcome import Failed
from warploom.values.signature import Signature

HERE = Path(__file__).parent
BUILD = ["g++", "-O0", "-w", "-fPIC", "-std=c++17"]
SHIM = HERE.parent / "unit" / "problems" / "cuda_on_cpu.h"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of a real GPU are skipped where there is none; those of the fake need a compiler for it."""
    reasons = {
        "gpu": "" if find_devices() else "no GPU is here that the CUDA driver can use",
        "fake_gpu": ""
        if shutil.which("g++")
        else "g++ is not installed: it builds the driver that stands in for a GPU",
    }
    for item in items:
        if HERE in item.path.parents:
            name = "gpu" if item.get_closest_marker("gpu") else "fake_gpu"
            if reasons[name]:
                item.add_marker(pytest.mark.skip(reason=reasons[name]))


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Path of the driver that stands in for NVIDIA's."""
    library = tmp_path_factory.mktemp("driver") / "libcuda.so.1"
    command = ["g++", "-O1", "-shared", "-fPIC", "-std=c++17", "-o", str(library), str(HERE / "fake_cuda.cpp")]
    subprocess.run([*command, "-ldl"], check=True)
    return str(library)


@pytest.fixture(scope="session")
def device(driver: str) -> GpuDevice:
    """The GPU of that driver; PyTorch computes on the processor in its place."""
    (found,) = find_devices(driver)
    return replace(found, torch="cpu")


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The header under every kernel, compiled once."""
    header = tmp_path_factory.mktemp("shim") / SHIM.name
    shutil.copyfile(SHIM, header)
    subprocess.run([*BUILD, "-x", "c++-header", str(header), "-o", f"{header}.gch"], check=True)
    return header


@pytest.fixture(scope="module")
def here(device: GpuDevice, shim: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """That GPU is this machine's, and CUDA is compiled for it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(places, "find_devices", lambda: (device,))
        patch.setitem(find.GPU_TOOLCHAINS, "cuda", FakeCuda)
        patch.setattr(FakeCuda, "shim", shim)
        patch.setenv("TORCHDYNAMO_DISABLE", "1")  # torch.compile is not what is tested here
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        # Nor are figures: a few pairs will do, however busy the machine is.
        for module, name in ((stages, "SCREEN"), (stages, "PROMOTE"), (session, "AGAINST_ITSELF")):
            patch.setattr(module, name, Plan(3, 3, 0.0, 0.0, 60.0, 3))
        patch.setattr(stages, "DISTURBED_SHARE", 2.0)
        patch.setattr(stages, "BASELINE_DRIFT", 1e9)
        patch.setattr(offline, "PAIRS", 2)
        patch.setattr(gpu_gauge, "PAIRS", 4)
        patch.setattr(gpu_gauge, "COMPARISONS", 2)
        yield device


class FakeCuda(CudaToolchain):
    """CUDA texts as shared objects for the host; g++ runs unjailed, on the tests' own texts."""

    shim = SHIM

    def version(self) -> str:
        return "fake nvcc 1"

    def request(self, signature: Signature, launch: Launch, parameters: Mapping[str, Scalar]) -> dict[str, Any]:
        return {}

    def _compile(self, folder: Path, signature: Signature, launch: Launch) -> tuple[dict[str, int], str] | Failed:
        main = folder / json.loads((folder / "request.json").read_text())["main"]
        module = folder / "module.so"
        main.write_text(_wrapped(launch_line.remove(main.read_text()), signature))
        command = [*BUILD, "-shared", "-include", str(self.shim), "-x", "c++", str(main), "-o", str(module)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            return first_error(done.stderr.replace(f"{folder}/", ""))
        threads, data = 1, module.read_bytes()
        for extent in launch.block:
            threads *= extent
        codes = {
            one.name: Code(f"{one.name}.cubin", signature.entry_point, threads, launch.shared_bytes)
            for one in self.architectures
        }
        Bundle("cuda", launch, codes, {code.file: data for code in codes.values()}).write(folder / ARTIFACT)
        return {"registers": 32, "threads": threads, "shared_bytes": launch.shared_bytes}, ""


def _wrapped(text: str, signature: Signature) -> str:
    """The kernel with a function that takes arguments as a launch has them: an array of their addresses."""
    text = text.replace(HELPERS, "")  # the header has its own
    text = re.sub(r"^#include <cuda.*>$", "", text, flags=re.MULTILINE)
    text = re.sub(r"extern __shared__ .*?unsigned char (\w+)\[\];", r"unsigned char* \1 = dynamic_shared;", text)
    types = []
    for argument in signature.arguments:
        const = "const " if argument.role == "input" else ""
        types.append("int64_t" if argument.role == "axis" else f"{const}{CUDA_TYPES[argument.dtype]}*")
    name = signature.entry_point
    values = ", ".join(f"*({one}*)places[{place}]" for place, one in enumerate(types))
    return f"""{text}
static void** places;
static void call_{name}() {{ {name}({values}); }}
extern "C" const int count_{name} = {len(types)};
extern "C" void run_{name}(void** given, const unsigned* grid, const unsigned* block) {{
    places = given;
    launch(call_{name}, {{grid[0], grid[1], grid[2]}}, {{block[0], block[1], block[2]}});
}}
"""
