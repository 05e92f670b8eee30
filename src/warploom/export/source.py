"""Plain source: the kernel, its header, a Makefile, a check against PyTorch and a benchmark, free of Warploom."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

from warploom.errors import ConfigError
from warploom.export import benchmark_source, runtime
from warploom.export.card import card
from warploom.export.gather import Operator
from warploom.export.manifest import FILE, manifest
from warploom.export.markdown import block, code
from warploom.export.naming import Naming
from warploom.search.best.evidence import FILE as EVIDENCE
from warploom.values.problem import ITEM_BYTES, Problem
from warploom.values.signature import C_TYPES, signature


def source(operator: Operator, names: Naming) -> dict[str, str]:
    """Path → text of every file.

    Args:
        operator: what is exported; one variant.
        names: what everything is called.

    Raises:
        ConfigError: several variants, which would define one function twice.
    """
    if len(operator.variants) != 1:
        raise ConfigError("--format source takes one kernel, because all of its shapes run one function; give one RUN")
    variant, problem = operator.variants[0], operator.problem
    sources = dict(variant.evidence.candidate.sources)
    described = manifest(operator, names)
    header = f"{problem.name}.h" if f"{problem.name}.h" not in sources else f"{problem.name}_entry.h"
    return {
        **sources,
        header: _header(problem),
        "Makefile": _makefile(operator, names, header),
        "benchmark.cpp": _benchmark(operator, header, described),
        "check.py": _check(names),
        "reference.py": operator.reference,
        "samples.py": (Path(str(runtime.__file__)).parent / "samples.py").read_text(encoding="utf-8"),
        FILE: json.dumps(described, indent=1) + "\n",
        EVIDENCE: json.dumps(variant.evidence.document, indent=1) + "\n",
        "README.md": card(operator, names, _use(operator, names, header), ".", LIMITS),
    }


LIMITS = (
    "The function checks nothing: whoever calls it sees to shapes, dtypes, alignment and memory that does not overlap.",
    "It was verified one call at a time: two threads must not be in it at once.",
)


def _header(problem: Problem) -> str:
    lines = []
    for role, tensors in (("input", problem.inputs), ("output", problem.outputs)):
        for name, tensor in tensors.items():
            lines.append(f"   {name}: {role}, {tensor.dtype}, shape ({', '.join(tensor.shape.split())}), dense")
    prototype = signature(problem).c_declaration().removeprefix('extern "C" ')
    return "\n".join(
        [
            f"/* {_comment(problem.title or problem.name)}",
            *lines,
            "   Every tensor begins at a multiple of 64 bytes, and none overlaps another. */",
            "#pragma once",
            "#include <stdint.h>",
            "#ifdef __cplusplus",
            'extern "C"',
            "#endif",
            f"{prototype};",
            "",
        ]
    )


def _makefile(operator: Operator, names: Naming, header: str) -> str:
    variant = operator.variants[0]
    main = variant.evidence.candidate.sources[0][0]
    flags = shlex.join(manifest(operator, names)["variants"][variant.id]["flags"])
    library = f"lib{names.package}.so"
    return "\n".join(
        [
            "# Compiled with the kernel's flags, linked without them: a library linked with -ffast-math would switch",
            "# the whole process to flush denormals.",
            "CXX = g++",
            f"CXXFLAGS = {flags}",
            "",
            f"all: {library} benchmark",
            "",
            f"kernel.o: {main} {header}",
            f"\t$(CXX) -w -include {header} $(CXXFLAGS) -c {main} -o $@",
            "",
            f"{library}: kernel.o",
            "\t$(CXX) -shared $< -fopenmp -lm -o $@",
            "",
            f"benchmark: benchmark.cpp kernel.o {header}",
            "\t$(CXX) -std=c++17 -O2 benchmark.cpp kernel.o -fopenmp -lm -o $@",
            "",
            f"check: {library}",
            "\tpython3 check.py",
            "",
            "clean:",
            f"\trm -f kernel.o {library} benchmark",
            "",
            ".PHONY: all check clean",
            "",
        ]
    )


def _benchmark(operator: Operator, header: str, described: dict[str, Any]) -> str:
    """The program with this kernel's tensors and shapes."""
    problem = operator.problem
    tensors = [*problem.inputs.items(), *problem.outputs.items()]
    arguments = []
    for number, (name, tensor) in enumerate(tensors):
        const = "const " if name in problem.inputs else ""
        arguments.append(f"static_cast<{const}{C_TYPES[tensor.dtype]}*>(tensors[{number}])")
    arguments += [f"shape.axes[{number}]" for number in range(len(problem.axes))]
    rows = []
    for row in described["table"]:
        counts = [_elements(shape) for shape in (*row["inputs"], *row["outputs"])]
        lows = [low or 0 for low, _ in row["drawn"]]
        highs = [high or 0 for _, high in row["drawn"]]
        pad = [0] * len(problem.outputs)
        name = ", ".join(f"{axis}={length}" for axis, length in row["axes"].items())
        parts = (list(row["axes"].values()), counts, lows + pad, highs + pad)
        rows.append(f'    {{"{name}", {", ".join(_braces(part) for part in parts)}}},')
    kinds = [f'    {{"{tensor.dtype}", {ITEM_BYTES[tensor.dtype]}, {tensor.scale!r}}},' for _, tensor in tensors]
    filled = benchmark_source.TEXT
    for mark, text in {
        "@header@": header,
        "@axes@": str(len(problem.axes)),
        "@tensors@": str(len(tensors)),
        "@inputs@": str(len(problem.inputs)),
        "@kinds@": "\n".join(kinds),
        "@shapes@": "\n".join(rows),
        "@call@": f"{problem.name}({', '.join(arguments)})",
    }.items():
        filled = filled.replace(mark, text)
    return filled


def _check(names: Naming) -> str:
    return f'''"""Whether the kernel is right, on the table's shapes and the held-out ones: PyTorch in float64 says."""

import ctypes
import json
import sys
from pathlib import Path

import torch

import samples
from reference import reference

HERE = Path(__file__).parent
MANIFEST = json.loads((HERE / "{FILE}").read_text(encoding="utf-8"))
KERNEL = ctypes.CDLL(str(HERE / "lib{names.package}.so"))[MANIFEST["name"]]
KERNEL.restype = None

worst = 0.0
for row in (*MANIFEST["table"], *MANIFEST["checked"]):
    inputs = samples.draw(MANIFEST, row, seed=1)
    outputs = [
        torch.empty(shape, dtype=getattr(torch, one["dtype"]))
        for shape, one in zip(row["outputs"], MANIFEST["outputs"], strict=True)
    ]
    pointers = [ctypes.c_void_p(tensor.data_ptr()) for tensor in (*inputs, *outputs)]
    KERNEL(*pointers, *(ctypes.c_int64(length) for length in row["axes"].values()))
    error = samples.worst_error(MANIFEST, reference, inputs, outputs)
    worst = max(worst, error)
    axes = ", ".join(f"{{axis}}={{length}}" for axis, length in row["axes"].items())
    sys.stdout.write(f"{{axes}}: error {{error:.3f}} of what is allowed\\n")
sys.exit(worst > 1)
'''


def _use(operator: Operator, names: Naming, header: str) -> str:
    return "\n\n".join(
        [
            block(
                f"make          # lib{names.package}.so and benchmark\n./benchmark\nmake check    # needs PyTorch",
                "bash",
            ),
            (
                f"Include {code(header)} and link the library, or compile `kernel.cpp` into your program with the "
                "flags of the Makefile. There is no guard here: call it on the shapes that you measured."
            ),
        ]
    )


def _comment(text: str) -> str:
    return "".join(one if one.isprintable() else " " for one in text).replace("*/", "* /").replace("/*", "/ *")


def _elements(shape: list[int]) -> int:
    count = 1
    for length in shape:
        count *= length
    return count


def _braces(values: list[int]) -> str:
    return f"{{{', '.join(map(str, values))}}}"
