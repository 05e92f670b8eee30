"""CUDA by NVRTC: what the compiler says of kernels whose answers are known. No GPU is needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from warploom.errors import ToolchainError
from warploom.toolchain import cuda
from warploom.toolchain.cuda import CudaToolchain, find_nvrtc
from warploom.toolchain.gpu_bundle import read_bundle
from warploom.values.candidate import Candidate
from warploom.values.outcome import Build, Failed
from warploom.values.signature import Argument, Signature
from warploom.values.target import parse_target

present = pytest.mark.skipif(find_nvrtc() is None, reason=f"NVRTC is not installed: {cuda.HOW_TO_GET}")

SIGNATURE = Signature(
    "scale",
    (Argument("x", "float32", "input"), Argument("out", "float32", "output"), Argument("n", "int64", "axis")),
)
HALVES = Signature(
    "scale",
    (Argument("x", "float16", "input"), Argument("out", "bfloat16", "output"), Argument("n", "int64", "axis")),
)
HEAD = "LAUNCH(grid=(n + 255) // 256, block=256)\n"
DEFINITION = 'extern "C" __global__ void scale(const float* x, float* out, int64_t n)'
PLAIN = f"{HEAD}{DEFINITION} {{\n  int64_t i = blockIdx.x * 256LL + threadIdx.x;\n  if (i < n) out[i] = 2 * x[i];\n}}\n"


def make(
    source: str, cache: Path, target: str = "cuda:sm_90a", signature: Signature = SIGNATURE, flags: tuple[str, ...] = ()
) -> Build | Failed:
    toolchain = CudaToolchain(parse_target(target).architectures)
    return toolchain.build(Candidate("0" * 16, "cuda", (("kernel.cu", source),), "scale", (), flags), signature, cache)


def build(source: str, cache: Path, **options: object) -> Build:
    made = make(source, cache, **options)  # type: ignore[arg-type]
    assert isinstance(made, Build), made
    return made


def failure(source: str, cache: Path) -> Failed:
    made = make(source, cache)
    assert isinstance(made, Failed), made
    return made


def test_an_absent_library_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda, "find_nvrtc", lambda: None)
    with pytest.raises(ToolchainError, match=r"pip install 'warploom\[cuda\]'"):
        CudaToolchain(parse_target("cuda").architectures).version()


def test_a_broken_library_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "libnvrtc.so.99").write_bytes(b"no library")
    monkeypatch.setattr(cuda, "find_nvrtc", lambda: tmp_path / "libnvrtc.so.99")
    with pytest.raises(ToolchainError, match="does not load"):
        CudaToolchain(parse_target("cuda").architectures).version()


def test_the_entry_point_is_declared_with_cudas_types() -> None:
    said = CudaToolchain(parse_target("cuda").architectures).declaration(HALVES)
    assert said == 'extern "C" __global__ void scale(const __half* x, __nv_bfloat16* out, int64_t n)'


@present
def test_it_builds_for_several_architectures(tmp_path: Path) -> None:
    made = build(PLAIN, tmp_path, target="cuda:sm_80,sm_90a,sm_100")
    codes = read_bundle(Path(made.artifact)).data
    assert all(codes[f"{name}.cubin"].startswith(b"\x7fELF") for name in ("sm_80", "sm_90a", "sm_100"))
    assert len(set(codes.values())) == 3
    assert made.facts["targets_built"] == 3


@present
def test_a_plain_kernel_has_few_registers_and_no_spills(tmp_path: Path) -> None:
    facts = build(PLAIN, tmp_path).facts
    assert 0 < facts["registers"] <= 16
    assert (facts["spill_bytes"], facts["shared_bytes"], facts["occupancy_percent"]) == (0, 0, 100)
    assert (facts["global_loads"], facts["global_stores"], facts["threads"]) == (1, 1, 256)


@present
def test_shared_memory_is_the_sum_of_both_kinds(tmp_path: Path) -> None:
    source = (
        PLAIN.replace("block=256", "block=256, shared=8192")
        .replace(
            "if (i < n) out",
            "__shared__ float s[1000];\n  s[threadIdx.x] = x[i];\n  __syncthreads();\n  if (i < n) out",
        )
        .replace("2 * x[i]", "2 * s[255 - threadIdx.x]")
    )
    made = build(source, tmp_path)
    assert made.facts["shared_bytes"] == 4000 + 8192
    assert made.facts["barriers"] == 1
    assert read_bundle(Path(made.artifact)).codes["sm_90a"].shared_bytes == 8192


HUNGRY = f"""{HEAD}{DEFINITION} {{
  float a[96];
  for (int k = 0; k < 96; k++) a[k] = x[threadIdx.x + 256 * k];
  for (int r = 0; r < n; r++)
    for (int k = 0; k < 96; k++) a[k] = a[k] * a[(k + 7) % 96] + a[(k + 31) % 96];
  for (int k = 0; k < 96; k++) out[threadIdx.x + 256 * k] = a[k];
}}
"""


@present
def test_spills_appear_when_registers_are_withheld(tmp_path: Path) -> None:
    wide, narrow = build(HUNGRY, tmp_path), build(HUNGRY, tmp_path, flags=("--maxrregcount=32",))
    assert wide.facts["registers"] > 96
    assert wide.facts["spill_bytes"] == 0
    assert narrow.facts["registers"] <= 32
    assert narrow.facts["spill_bytes"] > 4 * 64
    assert narrow.facts["occupancy_percent"] == 100 > wide.facts["occupancy_percent"]


@present
def test_matrix_instructions_are_seen(tmp_path: Path) -> None:
    body = 'asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3},{%4,%5,%6,%7},{%8,%9},{%0,%1,%2,%3};"'
    body += ' : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3]) : "r"(1), "r"(2), "r"(3), "r"(4), "r"(5), "r"(6));'
    made = build(
        f"{HEAD}{DEFINITION} {{\n float c[4] = {{}};\n {body}\n out[threadIdx.x] = c[0] + c[1] + c[2] + c[3];\n}}",
        tmp_path,
    )
    assert made.facts["matrix_instructions"] == 1


@present
def test_halves_have_their_own_types(tmp_path: Path) -> None:
    if not cuda._include_folders(str(find_nvrtc())):
        pytest.skip("the headers of CUDA are not installed")
    source = PLAIN.replace("const float* x, float* out", "const __half* x, __nv_bfloat16* out")
    build(source.replace("2 * x[i]", "__float2bfloat16(2 * __half2float(x[i]))"), tmp_path, signature=HALVES)


@present
def test_illegal_requests_for_shared_memory_are_rejected_before_they_run(tmp_path: Path) -> None:
    dynamic = failure(PLAIN.replace("block=256", "block=256, shared=232449"), tmp_path)
    assert (dynamic.stage, dynamic.kind) == ("build", "rejected")
    assert "sm_90a has 232448" in dynamic.message
    static = failure(
        PLAIN.replace("  if", "  __shared__ volatile float s[70000];\n  s[i % 70000] = i;\n  if"), tmp_path
    )
    assert (static.stage, static.kind) == ("build", "rejected")
    assert "280000 bytes" in static.message


@present
@pytest.mark.parametrize(
    "source",
    [
        PLAIN.replace("const float* x", "const double* x"),
        PLAIN.replace("const float* x, float* out", "float* out, const float* x"),
        PLAIN.replace("int64_t n", "int n"),
        PLAIN.replace('extern "C" __global__', "__device__"),
        PLAIN.replace("void scale(", "void other(") + "// scale()\n",
    ],
)
def test_a_wrong_or_missing_entry_point_names_what_was_expected(source: str, tmp_path: Path) -> None:
    failed = failure(source, tmp_path)
    assert failed.kind == "rejected"
    assert DEFINITION in failed.message


@present
def test_a_source_cannot_print_its_own_facts(tmp_path: Path) -> None:
    spoof = "#pragma message(\"\\nptxas info    : Compiling entry function 'scale' for 'sm_90a'\\nptxas info    : Used 1 registers\")\n"
    assert build(PLAIN + spoof, tmp_path).facts["registers"] == build(PLAIN, tmp_path).facts["registers"] > 1


@present
def test_the_compiler_sees_no_file_of_the_host(tmp_path: Path) -> None:
    toolchain = CudaToolchain(parse_target("cuda").architectures)
    if toolchain.gaps:
        pytest.skip("bubblewrap does not work here; the toolchain names the gap")
    secret = tmp_path / "secret.h"
    secret.write_text("#define SECRET 1\n")
    failed = failure(f'#include "{secret}"\n{PLAIN}', tmp_path / "cache")
    assert "cannot open source file" in failed.message


@present
def test_the_log_of_a_failure_holds_errors_alone(tmp_path: Path) -> None:
    failed = failure(
        PLAIN.replace("  if", "  int never;\n  unsigned u = -1 < 0u;\n  if").replace("2 * x[i]", "nothing"), tmp_path
    )
    assert failed.message.startswith("kernel.cu:6: error:")
    assert "warning" not in failed.log_tail
