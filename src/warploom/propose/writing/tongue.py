"""What prompts and answers need to know of a language: its words, its fences, its files, where its templates stand."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Tongue:
    """One language of kernels.

    Attributes:
        kernel: what a model is asked for.
        place: what that runs on.
        workers: who does the work, in the words of the language.
        means: what a kernel that is written anew may make more of.
        fence: the word behind a fence around a source.
        fences: every word that may stand there.
        endings: of a candidate's files; a fence with another name is no part of it.
        comment: what begins one.
        folders: of templates that stand in the place of those for C++, the first before the next.
    """

    kernel: str
    place: str
    workers: str
    means: str
    fence: str
    fences: frozenset[str]
    endings: frozenset[str]
    comment: str = "//"
    folders: tuple[str, ...] = ()

    def without_comments(self, text: str) -> str:
        """The text without comments; what a string says is taken for code."""
        return (_C_COMMENT if self.comment == "//" else _PYTHON_COMMENT).sub("", text)


_C_COMMENT = re.compile(r"//[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_PYTHON_COMMENT = re.compile(r"#[^\n]*")
_BLOCKS = "each block, each warp and each thread"
_UNITS = "matrix units, asynchronous copies"

TONGUES: dict[str, Tongue] = {
    "cpp": Tongue(
        "C++ function",
        "a CPU",
        "each thread and each vector lane",
        "intrinsics",
        "cpp",
        frozenset({"cpp", "c++", "cc", "cxx", "c", "h", "hpp"}),
        frozenset({"cpp", "cc", "cxx", "c", "h", "hpp", "hh", "inc"}),
    ),
    "opencl": Tongue(
        "OpenCL kernel",
        "a CPU, through PoCL",
        "each work-group and each work-item",
        "another size of the work-groups",
        "opencl",
        frozenset({"opencl", "cl", "c", "ocl"}),
        frozenset({"cl", "h"}),
        folders=("opencl",),
    ),
    "cuda": Tongue(
        "CUDA kernel",
        "an NVIDIA GPU",
        _BLOCKS,
        _UNITS,
        "cuda",
        frozenset({"cuda", "cu", "cuh", "cpp", "c++", "c"}),
        frozenset({"cu", "cuh", "h"}),
        folders=("cuda", "gpu"),
    ),
    "hip": Tongue(
        "HIP kernel",
        "an AMD GPU",
        _BLOCKS.replace("warp", "wavefront"),
        _UNITS,
        "hip",
        frozenset({"hip", "cpp", "c++", "c", "cuda"}),
        frozenset({"hip", "h"}),
        folders=("hip", "gpu"),
    ),
    "triton": Tongue(
        "Triton kernel",
        "a GPU",
        "each program and each of its blocks",
        "matrix units, the pipelining of loads",
        "python",
        frozenset({"python", "py", "triton"}),
        frozenset({"py"}),
        "#",
        ("triton", "gpu"),
    ),
}
"""Language → what there is to know of it."""


def tongue_of(language: str) -> Tongue:
    """What is known of a language; as of C++ where nothing is."""
    return TONGUES.get(language, TONGUES["cpp"])
