"""Static facts of kernels whose facts are known."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from warploom.toolchain.cpp import CppToolchain
from warploom.toolchain.cpp_facts import instruction_mix, vectorisation
from warploom.toolchain.cpp_flags import ALLOWED, affects_headers, complaint
from warploom.values.candidate import Candidate
from warploom.values.outcome import Build
from warploom.values.signature import Argument, Signature

SIGNATURE = Signature(
    "kernel",
    (Argument("x", "float32", "input"), Argument("out", "float32", "output"), Argument("n", "int64", "axis")),
)
HEAD = '#include <stdint.h>\nextern "C" void kernel(const float* x, float* out, int64_t n) {\n'


def facts(body: str, cache: Path, flags: tuple[str, ...] = (), before: str = "") -> dict[str, int]:
    source = f"{before}{HEAD}{body}\n}}\n"
    candidate = Candidate("0" * 16, "cpp", (("kernel.cpp", source),), "kernel", (), flags)
    made = CppToolchain().build(candidate, SIGNATURE, cache)
    assert isinstance(made, Build), made
    return dict(made.facts)


def test_loops_are_counted_as_vectorised_or_missed(tmp_path: Path) -> None:
    copy = "for (int64_t i = 0; i < n; i++) out[i] = x[i] + 1;\n"
    chain = "for (int64_t i = 1; i < n; i++) out[i] = out[i - 1] * 0.5f + x[i];\n"
    both = facts(copy + chain, tmp_path)
    assert (both["vectorised_loops"], both["missed_loops"]) == (1, 1)
    off = facts(copy + chain, tmp_path, ("-fno-tree-vectorize",))
    assert off["vectorised_loops"] == 0


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the instruction mix is read for x86-64 only")
def test_calls_to_the_mathematical_library_are_counted(tmp_path: Path) -> None:
    loop = "for (int64_t i = 0; i < n; i++) out[i] = %s(x[i]);"
    assert facts(loop % "expf", tmp_path, before='extern "C" float expf(float);\n')["math_calls"] >= 1
    assert facts(loop % "-", tmp_path)["math_calls"] == 0


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the instruction mix is read for x86-64 only")
def test_calls_to_its_own_functions_are_not_mathematics(tmp_path: Path) -> None:
    own = '__attribute__((noinline)) static float expfold(float v) { asm volatile(""); return v; }\n'
    assert facts("out[0] = expfold(x[0]);", tmp_path, before=own)["math_calls"] == 0


def test_the_report_counts_places_once_and_only_the_candidates() -> None:
    report = """\
kernel.cpp:6:58: missed: couldn't vectorize loop
kernel.cpp:6:58: missed: not vectorized: multiple nested loops.
kernel.cpp:6:149: optimized: loop vectorized using 64 byte vectors
kernel.cpp:6:149: optimized:  loop versioned for vectorization because of possible aliasing
kernel.cpp:6:149: optimized: loop vectorized using 32 byte vectors
kernel.cpp:6:58: optimized: loop vectorized using 64 byte vectors
kernel.cpp:9:1: missed: couldn't vectorize loop
kernel.cpp:5:9: optimized: basic block part vectorized using 64 byte vectors
/usr/include/c++/12/bits/stl_algo.h:3:3: missed: couldn't vectorize loop
"""
    assert vectorisation(report, "kernel.cpp") == {"vectorised_loops": 2, "missed_loops": 1}


def test_instructions_are_counted_by_what_they_are() -> None:
    listing = """
0000000000001120 <kernel>:
    1120:\tvmovaps %zmm4,0x40(%rsp)
    1121:\tvmovups %ymm1,-0x20(%rbp)
    1122:\tvmovups (%rdi),%zmm1
    1123:\tvmovups %zmm1,(%rsi)
    1124:\tvfmadd231ps %zmm1,%zmm2,%zmm3
    1125:\tvfnmadd213ss %xmm1,%xmm2,%xmm3
    1126:\tcall   1030 <expf@plt>
    1127:\tcall   1040 <_ZGVeN16v_expf@plt>
    1128:\tcall   1050 <GOMP_parallel@plt>
    1129:\tvgatherdps (%rax,%zmm1,4),%zmm2{%k1}
    112a:\tret
"""
    assert instruction_mix(listing) == {
        "instructions": 11,
        "zmm_instructions": 5,
        "ymm_instructions": 1,
        "fma_instructions": 2,
        "vector_spills": 2,
        "spill_bytes": 96,
        "math_calls": 2,
        "gathers": 1,
    }


@pytest.mark.parametrize(
    "flag",
    ["-fplugin=x.so", "-include/etc/passwd", "-I/", "-DX=1", "-Wl,-rpath,/", "-o", "@file", "-O4", "-march=haswell", "", "-B/tmp", "-wrapper", "-specs=x", "-fdump-tree-all", "--param=max-unroll-times=9999999"],
)  # fmt: skip
def test_flags_that_reach_outside_are_refused(flag: str) -> None:
    text = complaint(flag)
    assert repr(flag) in text
    assert any(allowed in text for allowed in ALLOWED)


@pytest.mark.parametrize("flag", [*ALLOWED, "--param=max-unroll-times=4"])
def test_every_flag_on_the_whitelist_is_one_the_compiler_knows(
    flag: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """And one with which it takes the precompiled header: it would say so if not."""
    assert complaint(flag) == ""
    candidate = Candidate(
        "0" * 16, "cpp", (("kernel.cpp", f"#include <limits>\n{HEAD}out[0] = x[0]; }}"),), "kernel", (), (flag,)
    )
    made = CppToolchain().build(candidate, SIGNATURE, tmp_path_factory.getbasetemp() / "flags")
    assert isinstance(made, Build), made
    assert made.log == ""


def test_clang_knows_fewer_flags() -> None:
    assert complaint("-fipa-pta") == ""
    assert "'-fipa-pta'" in complaint("-fipa-pta", gcc=False)
    assert complaint("-O3", gcc=False) == ""
    assert complaint("--param=max-unroll-times=4", gcc=False)


def test_macros_and_targets_are_told_from_the_rest() -> None:
    assert affects_headers("-ffast-math")
    assert affects_headers("-mprefer-vector-width=512")
    assert not affects_headers("-funroll-loops")
