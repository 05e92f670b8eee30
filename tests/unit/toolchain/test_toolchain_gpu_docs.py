"""docs/gpu.md: what it shows can be built, and it names what there is."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from warploom.cli.build import SUFFIXES
from warploom.errors import ToolchainError
from warploom.toolchain.find import GPU_TOOLCHAINS
from warploom.toolchain.triton import OPTIONS
from warploom.values.architecture import ARCHITECTURES
from warploom.values.candidate import Candidate
from warploom.values.outcome import Build
from warploom.values.signature import Argument, Signature
from warploom.values.target import VENDORS, parse_target

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "gpu.md").read_text()
BLOCKS = re.findall(r"```(cuda|python)\n(.*?)```", PAGE, re.DOTALL)
SCALE = Signature(
    "scale",
    (Argument("x", "float32", "input"), Argument("out", "float32", "output"), Argument("n", "int64", "axis")),
)


@pytest.mark.parametrize(("language", "block"), [("cuda", "cuda"), ("hip", "cuda"), ("triton", "python")])
def test_its_kernels_are_taken_and_built_where_a_compiler_is(language: str, block: str, tmp_path: Path) -> None:
    end = next(end for end, name in SUFFIXES.items() if name == language)
    toolchain = GPU_TOOLCHAINS[language](parse_target(language).architectures)
    texts = [text for fence, text in BLOCKS if fence == block]
    assert len(texts) == (2 if block == "python" else 1)
    for text in texts:
        name = "total" if "total" in text else "scale"
        candidate = Candidate("0" * 16, language, ((f"kernel{end}", text),), name)
        assert toolchain.check_source(candidate, replace(SCALE, entry_point=name)) is None
        try:
            toolchain.version()
        except ToolchainError:
            continue  # the text was looked at; the contract suite says why nothing is built here
        assert isinstance(toolchain.build(candidate, replace(SCALE, entry_point=name), tmp_path), Build)


def test_every_language_and_architecture_is_named() -> None:
    for language in VENDORS:
        assert f"\n| `{language}` |" in PAGE
        assert language in SUFFIXES.values()
    for name in (*ARCHITECTURES, *OPTIONS):
        assert f"`{name}`" in PAGE
