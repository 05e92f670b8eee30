"""Triton ahead of time: what is refused unread, and what the compiler says of kernels whose answers are known."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from warploom.errors import ToolchainError
from warploom.syntax import triton_rules
from warploom.toolchain import triton
from warploom.toolchain.gpu import Compiled
from warploom.toolchain.gpu_bundle import Code, read_bundle
from warploom.toolchain.triton import TritonToolchain
from warploom.values.candidate import Candidate, Scalar
from warploom.values.launch import Launch
from warploom.values.outcome import Build, Failed
from warploom.values.signature import Argument, Signature
from warploom.values.target import parse_target

present = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None, reason=f"Triton is not installed: {triton.HOW_TO_GET}"
)

SIGNATURE = Signature(
    "scale",
    (Argument("x", "float32", "input"), Argument("out", "float32", "output"), Argument("n", "int64", "axis")),
)
SOURCE = '''"""Twice x."""
import triton
import triton.language as tl

TUNE(BLOCK, 1024, 512, 1024)
TUNE(num_warps, 4, 4, 8)
LAUNCH(grid=(n + BLOCK - 1) // BLOCK)

FACTOR = tl.constexpr(2.0)


@triton.jit
def twice(a):
    return FACTOR * a


@triton.jit
def scale(x, out, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    value = twice(tl.load(x + i, mask=i < n))
    tl.store(out + i, value, mask=i < n)
'''
PRODUCT = """import triton
import triton.language as tl

TUNE(num_stages, 5, 1, 5, 64)
LAUNCH(grid=1)


@triton.jit
def product(a, b, out, k):
    rows, cols, depth = tl.arange(0, 64), tl.arange(0, 64), tl.arange(0, 32)
    total = tl.zeros((64, 64), dtype=tl.float32)
    for start in range(0, k, 32):
        left = tl.load(a + rows[:, None] * k + start + depth[None, :])
        right = tl.load(b + (start + depth[:, None]) * 64 + cols[None, :])
        total += tl.dot(left, right)
    tl.store(out + rows[:, None] * 64 + cols[None, :], total)
"""
PRODUCT_SIGNATURE = Signature(
    "product",
    (
        Argument("a", "bfloat16", "input"),
        Argument("b", "bfloat16", "input"),
        Argument("out", "float32", "output"),
        Argument("k", "int64", "axis"),
    ),
)


def candidate(source: str, name: str = "scale", parameters: tuple[tuple[str, Scalar], ...] = ()) -> Candidate:
    return Candidate("0" * 16, "triton", (("kernel.py", source),), name, parameters, ())


def check(source: str) -> str:
    failed = TritonToolchain(parse_target("triton").architectures).check_source(candidate(source), SIGNATURE)
    return failed.message if failed else ""


def make(source: str, cache: Path, target: str, parameters: tuple[tuple[str, Scalar], ...] = ()) -> Build | Failed:
    signature = PRODUCT_SIGNATURE if "def product" in source else SIGNATURE
    toolchain = TritonToolchain(parse_target(target).architectures)
    return toolchain.build(candidate(source, signature.entry_point, parameters), signature, cache)


def build(source: str, cache: Path, target: str = "triton:sm_90a", **parameters: Scalar) -> Build:
    made = make(source, cache, target, tuple(parameters.items()))
    assert isinstance(made, Build), made
    return made


def failure(source: str, cache: Path) -> Failed:
    made = make(source, cache, "triton:sm_90a")
    assert isinstance(made, Failed), made
    return made


def test_an_absent_package_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(triton, "version", absent)
    with pytest.raises(ToolchainError, match=r"pip install 'warploom\[triton\]'"):
        TritonToolchain(parse_target("triton").architectures).version()


def test_a_right_source_has_nothing_to_complain_of() -> None:
    assert check(SOURCE) == ""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("import triton\n", "import os\n", "line 2: 'os' cannot be imported"),
        ("import triton\n", "from os import path\n", "line 2: 'os' cannot be imported from"),
        ("import triton\n", "from .other import thing\n", "cannot be imported from"),
        ("import triton\n", "from triton.language import core\n", "line 2: 'core' cannot be imported"),
        ("import triton\n", "from triton.language import *\n", "line 2: '*' cannot be imported"),
        ("tl.constexpr(2.0)", "open('/etc/passwd')", "line 9: open is called outside a kernel"),
        ("FACTOR = ", "print(1)\nFACTOR = ", "line 9: only imports, constants"),
        ("    return FACTOR", "    import os\n    return FACTOR", "line 14: imports stand at the top"),
        ("FACTOR * a", "tl.core.os.getpid()", "line 14: the attribute"),
        ("FACTOR * a", "a.__class__", "line 14: the attribute __class__"),
        ("FACTOR * a", "getattr(tl, 'core')", "line 14: getattr"),
        ("FACTOR * a", "__import__('os')", "line 14: __import__"),
        ("FACTOR * a", "(lambda: a)()", "line 14: Lambda"),
        ("@triton.jit\ndef twice", "def twice", "line 12: twice must be decorated"),
        ("@triton.jit\ndef twice", "@triton.autotune\n@triton.jit\ndef twice", "twice must be decorated"),
        ("def scale(x, out, n", "def scale(out, x, n", "the signature differs from @triton.jit def scale(x, out, n"),
        ("def scale(x, out, n", "def scale(x, out, n: tl.constexpr", "the signature differs"),
        ("BLOCK: tl.constexpr", "BLOCK", "the signature differs"),
        ("def scale", "def other", "no definition of the entry point"),
        ("TUNE(num_warps", "TUNE(OTHER", "OTHER: each tl.constexpr argument needs its TUNE line"),
        ("TUNE(BLOCK, 1024, 512, 1024)", "", "BLOCK"),
        ("LAUNCH(grid", "LAUNCH(block=64, grid", "LAUNCH knows no block"),
    ],
)
def test_what_no_kernel_needs_is_refused_unread(old: str, new: str, said: str) -> None:
    assert old in SOURCE
    assert said in check(SOURCE.replace(old, new))


def test_every_door_is_shut() -> None:
    for name in triton_rules._DOORS.pattern.split("|"):
        assert name in check(SOURCE.replace("FACTOR * a", f"tl.{name}(a)")), name


def test_a_candidate_is_one_file() -> None:
    two = Candidate("0" * 16, "triton", (("kernel.py", SOURCE), ("more.py", "")), "scale", (), ())
    failed = TritonToolchain(parse_target("triton").architectures).check_source(two, SIGNATURE)
    assert failed is not None
    assert "one file" in failed.message


PTXAS = """ptxas-blackwell info    : Compiling entry function 'scale' for 'sm_90a'
ptxas-blackwell info    : Function properties for scale
    0 bytes stack frame, 8 bytes spill stores, 4 bytes spill loads
ptxas-blackwell info    : Used 64 registers, used 0 barriers
"""
PTX = ".visible .entry scale(\n .param .u64 a,\n .param .u64 b,\n .param .u32 c,\n .param .u64 d\n)\n{\n ret;\n}\n"
ANSWER: dict[str, object] = {"status": 0, "shared": 2048, "warps": 8, "scratch": 0, "log": PTXAS, "assembly": PTX}


def read(tmp_path: Path, **changed: object) -> Compiled:
    """What the toolchain makes of an answer, where no Triton is."""
    (tmp_path / "sm_90a.cubin").write_bytes(b"code")
    toolchain = TritonToolchain(parse_target("triton:sm_90a").architectures)
    return toolchain.read(
        tmp_path, toolchain.architectures[0], {**ANSWER, **changed}, SIGNATURE, Launch(("n", "1", "1"))
    )


def test_an_answer_becomes_code_and_facts(tmp_path: Path) -> None:
    made = read(tmp_path)
    assert made.code == Code("sm_90a.cubin", "scale", 256, 2048, ("null",))
    assert made.data == b"code"
    expected = {"registers": 64, "spill_bytes": 12, "shared_bytes": 2048, "threads": 256, "occupancy_percent": 50}
    assert expected.items() <= made.facts.items()


@pytest.mark.parametrize(
    ("changed", "kind", "said"),
    [
        ({"status": 1, "error": "kernel.py:3: error: no"}, "compile_error", "kernel.py:3: error: no"),
        ({"status": 1}, "compile_error", "Triton gave no message"),
        ({"scratch": 512}, "rejected", "512 bytes of global memory a block"),
        ({"warps": "many"}, "compile_error", "nothing is known of scale"),
        ({"log": ""}, "compile_error", "nothing is known of scale"),
    ],
)
def test_an_answer_that_cannot_be_used_is_a_failure(
    changed: dict[str, object], kind: str, said: str, tmp_path: Path
) -> None:
    failed = read(tmp_path, **changed).failed
    assert failed is not None
    assert (failed.kind, failed.stage) == (kind, "build")
    assert said in failed.message


@pytest.mark.skipif(importlib.util.find_spec("triton") is not None, reason="Triton itself is found first")
def test_a_package_outside_the_interpreters_own_folders_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as one that was installed for this user alone; the process that imports it is isolated and jailed."""
    package = tmp_path / "home" / "triton"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('the one of this user')\n")
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.setattr(triton, "version", lambda name: "0")
    assert "the one of this user" in failure(SOURCE, tmp_path / "cache").message


@present
def test_the_driver_never_imports_triton(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nsys.path[:0] = [sys.argv[2]]\nimport test_toolchain_triton as t\n"
        "t.build(t.SOURCE, Path(sys.argv[1]))\nassert 'triton' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path), str(Path(__file__).parent)], check=True, timeout=120)


@present
def test_it_builds_for_both_vendors(tmp_path: Path) -> None:
    made = build(SOURCE, tmp_path, "triton:sm_90a,sm_80,gfx942,gfx950,gfx1100", num_warps=8)
    assert made.facts["targets_built"] == 5
    bundle = read_bundle(Path(made.artifact))
    assert all(data.startswith(b"\x7fELF") for data in bundle.data.values())
    assert bundle.codes["sm_90a"] == Code("sm_90a.cubin", "scale", 256, 0, ("null", "null"))
    assert bundle.codes["gfx942"] == Code("gfx942.hsaco", "scale", 512, 0, ("null", "null"))
    assert bundle.launch.blocks({"n": 1025}) == (2, 1, 1)
    for name in ("sm_90a", "gfx942"):
        assert made.facts[f"{name}.registers"] > 0
        assert made.facts[f"{name}.spill_bytes"] == 0
        assert made.facts[f"{name}.occupancy_percent"] == 100
        assert made.facts[f"{name}.global_loads"] > 0


@present
def test_a_product_uses_matrix_units_and_its_stages_shared_memory(tmp_path: Path) -> None:
    made = build(PRODUCT, tmp_path, "triton:sm_90a,gfx942")
    single = build(PRODUCT, tmp_path, "triton:sm_90a", num_stages=1)
    assert made.facts["sm_90a.matrix_instructions"] > 0
    assert made.facts["gfx942.matrix_instructions"] > 0
    tile = 32 * 64 * 2  # bytes of b's; the rows of a are not known to be aligned, so they are not copied ahead
    assert made.facts["shared_bytes"] >= 4 * tile
    assert single.facts["shared_bytes"] < made.facts["shared_bytes"]


@present
def test_illegal_requests_for_shared_memory_are_rejected_before_they_run(tmp_path: Path) -> None:
    failed = failure(PRODUCT.replace("num_stages, 5", "num_stages, 64"), tmp_path)
    assert (failed.stage, failed.kind) == ("build", "rejected")
    assert "sm_90a has 232448" in failed.message


@present
@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("FACTOR * a", "nothing * a", "kernel.py:14: error: NameError"),
        ("tl.arange(0, BLOCK)", "tl.arange(0, 3)", "kernel.py:19: error: arange's range must be a power of 2"),
        ("value = twice(", "value = twice((", "kernel.py:20: error: "),
        ("tl.constexpr(2.0)", "tl.constexpr(2.0) + nothing", "kernel.py:9: error: name 'nothing'"),
    ],
)
def test_errors_name_the_candidates_own_line(old: str, new: str, said: str, tmp_path: Path) -> None:
    """In a function that is called, in the entry point, in the text itself and outside functions."""
    failed = failure(SOURCE.replace(old, new), tmp_path)
    assert failed.kind == "compile_error"
    assert failed.message.startswith(said)


@present
def test_products_and_sums_are_fused_whatever_the_version_thinks(tmp_path: Path) -> None:
    made = build(SOURCE.replace("FACTOR * a", "FACTOR * a * a + a"), tmp_path, "triton:sm_90a,gfx942")
    assert made.facts["sm_90a.fma_instructions"] > 0
    assert made.facts["gfx942.fma_instructions"] > 0
