"""Triton for NVIDIA's and AMD's GPUs, ahead of time and in a process of its own: this one never imports Triton."""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from warploom.errors import SourceError, ToolchainError
from warploom.syntax import launch as launch_line
from warploom.syntax import triton_rules, tune
from warploom.toolchain import gcn_facts, ptx_facts
from warploom.toolchain.gpu import Compiled, GpuToolchain, flag_complaints, read_regular, with_occupancy
from warploom.toolchain.gpu_bundle import Code
from warploom.values.architecture import Architecture
from warploom.values.candidate import Candidate, Scalar
from warploom.values.launch import Launch
from warploom.values.outcome import Failed
from warploom.values.signature import Signature

HOW_TO_GET = "pip install 'warploom[triton]'"
TRITON_TYPES: dict[str, str] = {
    "float32": "*fp32",
    "float64": "*fp64",
    "float16": "*fp16",
    "bfloat16": "*bf16",
    "int8": "*i8",
    "uint8": "*u8",
    "int16": "*i16",
    "int32": "*i32",
    "int64": "*i64",
    "bool": "*i1",
}
OPTIONS = ("num_warps", "num_stages", "maxnreg", "waves_per_eu")
"""TUNE parameters that go to the compiler; every other one is a ``tl.constexpr`` argument of the entry point."""

_NO_FLAG = re.compile(r"(?!)")


class TritonToolchain(GpuToolchain):
    """Compiles a jitted function for each architecture, with no driver and no GPU."""

    language = "triton"
    program = Path(__file__).with_name("triton_compile.py")
    launch_keys = ("grid", "workspace")

    def version(self) -> str:
        """The package's version, as in "triton 3.9.0".

        Raises:
            ToolchainError: it is absent.
        """
        try:
            return f"triton {version('triton')}"
        except PackageNotFoundError:
            raise ToolchainError(f"Triton was not found; install it: {HOW_TO_GET}") from None

    def declaration(self, signature: Signature) -> str:
        """``@triton.jit def name(x, out, rows, …: tl.constexpr)``."""
        names = ", ".join(argument.name for argument in signature.arguments)
        return f"@triton.jit def {signature.entry_point}({names}, …: tl.constexpr)"

    def complaints(self, candidate: Candidate, signature: Signature) -> list[str]:
        """What the text holds that no kernel needs, an entry point with other arguments, flags."""
        found = flag_complaints(candidate.build_flags, _NO_FLAG, f"none; TUNE({OPTIONS[0]}, …) sets an option")
        if len(candidate.sources) != 1:
            found.append("a Triton candidate is one file")
        try:
            given = dict(candidate.parameters)
            text = launch_line.remove(tune.resolve(candidate.source, given))
            tree = ast.parse(text)
            parameters = [line.name for line in tune.declared(candidate.source)]
        except (SyntaxError, ValueError, RecursionError, MemoryError, SourceError):
            return found  # the compiler says where; TUNE lines are checked for every language
        found += triton_rules.complaints(tree)
        return found + self._arguments(tree, signature, parameters)

    def _arguments(self, tree: ast.Module, signature: Signature, parameters: list[str]) -> list[str]:
        function = triton_rules.find_function(tree, signature.entry_point)
        if function is None:
            return [f"no definition of the entry point; the source needs {self.declaration(signature)}"]
        given = [*function.args.posonlyargs, *function.args.args]
        own = [argument.arg for argument in given[: len(signature.arguments)]]
        rest = given[len(signature.arguments) :]
        wrong = own != [argument.name for argument in signature.arguments] or any(
            triton_rules.is_constexpr(argument) for argument in given[: len(signature.arguments)]
        )
        if wrong or not all(triton_rules.is_constexpr(argument) for argument in rest):
            return [f"the signature differs from {self.declaration(signature)}"]
        constants = {argument.arg for argument in rest}
        missing = sorted(constants.symmetric_difference(set(parameters) - set(OPTIONS)))
        if missing:
            return [f"{missing[0]}: each tl.constexpr argument needs its TUNE line, and each TUNE line its argument"]
        return []

    def request(self, signature: Signature, launch: Launch, parameters: Mapping[str, Scalar]) -> dict[str, Any]:
        """Types, constants and options."""
        constants = {name: value for name, value in parameters.items() if name not in OPTIONS}
        types = {one.name: TRITON_TYPES.get(one.dtype, "") for one in signature.tensors}
        arguments = {one.name: types.get(one.name, "i32") for one in signature.arguments}
        return {
            "signature": {**arguments, **dict.fromkeys(constants, "constexpr")},
            "constants": constants,
            "options": {name: value for name, value in parameters.items() if name in OPTIONS},
            "aligned": [place for place, one in enumerate(signature.arguments) if one.role != "axis"],
            "path": list(self.roots()),
            "warp": {one.name: one.warp for one in self.architectures},
        }

    def roots(self) -> tuple[str, ...]:
        """Where Triton is, and NumPy for its interpreter: isolated Python does not look into every folder by itself."""
        specs = [importlib.util.find_spec(name) for name in ("triton", "numpy")]
        places = [place for spec in specs if spec for place in spec.submodule_search_locations or ()]
        return tuple(dict.fromkeys(str(Path(place).parent) for place in places))

    def read(
        self, folder: Path, architecture: Architecture, answer: Mapping[str, Any], signature: Signature, launch: Launch
    ) -> Compiled:
        """The code and its facts, or what Triton said with the candidate's own line."""
        amd = architecture.vendor == "amd"
        file = f"{architecture.name}.{'hsaco' if amd else 'cubin'}"
        data, log = read_regular(folder / file), str(answer.get("log", ""))
        if answer.get("status") != 0 or not data:
            said = str(answer.get("error", "")) or "Triton gave no message"
            kind = "rejected" if "out of resource" in said else "compile_error"
            return Compiled(None, failed=Failed("build", kind, said[:400], log[-6000:]))
        if answer.get("scratch"):
            said = f"it asks for {answer['scratch']} bytes of global memory a block, which no launch gives"
            return Compiled(None, failed=Failed("build", "rejected", said))
        assembly, name = str(answer.get("assembly", "")), signature.entry_point
        try:
            threads, shared = int(answer["warps"]) * architecture.warp, int(answer["shared"])
        except (KeyError, TypeError, ValueError):
            threads, shared = 0, 0
        facts = gcn_facts.resources(assembly, name) if amd else ptx_facts.resources(log, name)
        if not facts or threads < 1:
            return Compiled(None, failed=Failed("build", "compile_error", f"nothing is known of {name}", log[-6000:]))
        arguments = facts.pop("arguments") if amd else ptx_facts.arguments(assembly, name)
        facts.pop("block_threads", None)  # Triton sets it itself
        facts |= {"threads": threads, "shared_bytes": max(shared, facts["shared_bytes"])}
        facts |= gcn_facts.instruction_mix(assembly) if amd else ptx_facts.instruction_mix(assembly)
        facts = with_occupancy(architecture, facts) | {"artifact_bytes": len(data)}
        extra = ("null",) * max(0, arguments - len(signature.arguments))
        return Compiled(Code(file, name, threads, shared, extra), data, facts)
