"""Occupancy and the facts that are read off PTX, without any compiler."""

from __future__ import annotations

import pytest

from warploom.toolchain.occupancy import occupancy
from warploom.toolchain.ptx_facts import instruction_mix, resources
from warploom.values.architecture import ARCHITECTURES

# Answers of NVIDIA's own calculator (cuda_occupancy.h of CUDA 13.0): threads, registers, shared bytes → blocks.
CALCULATED = [
    ("sm_80", 64, 32, 1000, 32),
    ("sm_80", 128, 33, 49152, 3),
    ("sm_80", 256, 40, 232448, 0),
    ("sm_80", 512, 96, 8192, 1),
    ("sm_80", 1024, 128, 101376, 0),
    ("sm_86", 64, 255, 1000, 4),
    ("sm_86", 160, 16, 49152, 2),
    ("sm_86", 384, 32, 232448, 0),
    ("sm_86", 768, 40, 8192, 2),
    ("sm_89", 32, 64, 101376, 1),
    ("sm_89", 96, 128, 1000, 5),
    ("sm_89", 160, 168, 49152, 2),
    ("sm_89", 384, 255, 232448, 0),
    ("sm_89", 1024, 32, 8192, 1),
    ("sm_90a", 64, 33, 101376, 2),
    ("sm_90a", 128, 64, 1000, 8),
    ("sm_90a", 256, 96, 49152, 2),
    ("sm_90a", 512, 128, 232448, 1),
    ("sm_90a", 1024, 255, 8192, 0),
    ("sm_100", 96, 16, 101376, 2),
    ("sm_100", 160, 33, 1000, 9),
    ("sm_100", 384, 40, 49152, 4),
    ("sm_100", 768, 64, 232448, 1),
    ("sm_120", 32, 128, 8192, 11),
    ("sm_120", 96, 168, 101376, 1),
    ("sm_120", 256, 16, 1000, 6),
    ("sm_120", 512, 32, 49152, 2),
    ("sm_120", 1024, 33, 232448, 0),
]


@pytest.mark.parametrize(("name", "threads", "registers", "shared", "blocks"), CALCULATED)
def test_occupancy_is_what_nvidias_calculator_says(
    name: str, threads: int, registers: int, shared: int, blocks: int
) -> None:
    found = occupancy(ARCHITECTURES[name], threads, registers, shared)
    assert found.blocks == blocks
    assert found.warps == blocks * -(-threads // 32)


@pytest.mark.parametrize(
    ("threads", "registers", "shared", "percent", "limit"),
    [
        (256, 32, 0, 100, "warps"),
        (256, 64, 0, 50, "registers"),
        (256, 32, 100 * 1024, 25, "shared memory"),
        (32, 16, 0, 50, "blocks"),
        (256, 32, 228 * 1024, 0, "shared memory"),
        (2048, 32, 0, 0, "warps"),
        (128, 256, 0, 0, "registers"),
    ],
)
def test_what_holds_a_kernel_back_is_named(threads: int, registers: int, shared: int, percent: int, limit: str) -> None:
    found = occupancy(ARCHITECTURES["sm_90a"], threads, registers, shared)
    assert (found.percent, found.limit) == (percent, limit)


@pytest.mark.parametrize(
    ("name", "registers", "warps"),
    # Waves a SIMD × 4: 512 registers in steps of 8 on CDNA, 1536 in steps of 24 on RDNA 3, as LLVM's AMDGPU backend has.
    [
        ("gfx942", 64, 32),
        ("gfx942", 65, 28),
        ("gfx942", 128, 16),
        ("gfx942", 512, 4),
        ("gfx1100", 96, 64),
        ("gfx1100", 97, 48),
    ],
)
def test_occupancy_of_amd(name: str, registers: int, warps: int) -> None:
    unit = ARCHITECTURES[name]
    assert occupancy(unit, unit.warp, registers, 0).warps == min(warps, unit.blocks)
    assert occupancy(unit, 4 * unit.warp, registers, 0).warps == warps


PTX = """.version 9.0
.target sm_90a
.visible .entry scale(
    .param .u64 scale_param_0
)
{
    .reg .b32 %r<5>;
    ld.param.u64 %rd1, [scale_param_0];
    @%p1 bra $L__BB0_2;
    ld.global.v4.f32 {%f1, %f2, %f3, %f4}, [%rd1];
    @%p2 ld.global.nc.f32 %f5, [%rd1];
    @!%p2 st.global.v2.f32 [%rd1], {%f1, %f2};
    fma.rn.f32 %f6, %f1, %f2, %f3;
    ex2.approx.ftz.f32 %f7, %f6;
    mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%f1}, {%r1}, {%r2}, {%f2};
    wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {%f1}, %rd2, %rd3, p, 1, 1, 0, 0;
    wgmma.wait_group.sync.aligned 0;
    cp.async.cg.shared.global [%r1], [%rd1], 16;
    cp.async.wait_group 0;
    shfl.sync.bfly.b32 %r3, %r2, 1, 31, -1;
    bar.sync 0;
    st.shared.f32 [%r1], %f1;
    st.local.f32 [%r1], %f1;
    atom.global.add.f32 %f8, [%rd1], %f1;
    // ld.global.f32 in a comment
$L__BB0_2:
    ret;
}
"""


def test_instructions_are_counted_by_kind() -> None:
    assert instruction_mix(PTX) == {
        "instructions": 18,
        "matrix_instructions": 2,
        "async_copies": 1,
        "global_loads": 2,
        "global_stores": 1,
        "shared_accesses": 1,
        "local_accesses": 1,
        "fma_instructions": 1,
        "special_functions": 1,
        "barriers": 1,
        "shuffles": 1,
        "atomics": 1,
        "wide_accesses": 2,
    }


SAID = """kernel.cu(1): remark: "
ptxas info    : Compiling entry function 'scale' for 'sm_90a'
ptxas info    : Used 1 registers"
ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function 'other' for 'sm_90a'
ptxas info    : Function properties for other
ptxas         .     0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 99 registers, used 0 barriers
ptxas info    : Compiling entry function 'scale' for 'sm_90a'
ptxas info    : Function properties for inner
    7 bytes stack frame, 7 bytes spill stores, 7 bytes spill loads
ptxas info    : Function properties for scale
    16 bytes stack frame, 12 bytes spill stores, 20 bytes spill loads
ptxas info    : Used 40 registers, used 1 barriers, 16 bytes cumulative stack size, 1024 bytes smem, 376 bytes cmem[0]
ptxas info    : Compiling entry function 'last' for 'sm_90a'
ptxas info    : Used 77 registers
"""


def test_the_last_word_of_ptxas_about_the_kernel_counts() -> None:
    assert resources(SAID, "scale") == {"registers": 40, "stack_bytes": 16, "spill_bytes": 32, "shared_bytes": 1024}
    assert resources(SAID, "last") == {"registers": 77, "stack_bytes": 0, "spill_bytes": 0, "shared_bytes": 0}
    assert resources(SAID, "absent") == {}
