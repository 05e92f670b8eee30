"""The facts that are read off AMD's assembly, without any compiler."""

from __future__ import annotations

from warploom.toolchain.gcn_facts import instruction_mix, resources

ASSEMBLY = """	.text
scale:
	s_load_dwordx4 s[0:3], s[0:1], 0x0
	global_load_dwordx4 v[0:3], v4, s[0:1]
	global_load_lds_dword v[0:1], off
	buffer_store_dword v0, v1, s[0:3], 0 offen
	v_mfma_f32_32x32x8_bf16_1k a[0:15], v[0:1], v[2:3], a[0:15]
	v_fma_f32 v0, v1, v2, v3
	v_exp_f32_e32 v0, v1
	ds_read_b128 v[0:3], v4
	ds_bpermute_b32 v0, v1, v2
	scratch_store_dword off, v0, s32
	global_atomic_add_f32 v0, v1, s[0:1]
	s_barrier
	s_endpgm
	.amdgpu_metadata
---
amdhsa.kernels:
  - .agpr_count:     16
    .args:
      - .offset:         0
        .size:           8
        .value_kind:     global_buffer
      - .offset:         8
        .size:           4
        .value_kind:     by_value
      - .offset:         16
        .size:           4
        .value_kind:     hidden_block_count_x
    .group_segment_fixed_size: 4096
    .max_flat_workgroup_size: 256
    .name:           scale
    .private_segment_fixed_size: 24
    .sgpr_count:     30
    .sgpr_spill_count: 1
    .symbol:         scale.kd
    .vgpr_count:     72
    .vgpr_spill_count: 5
    .wavefront_size: 64
  - .agpr_count:     0
    .args:           []
    .group_segment_fixed_size: 0
    .max_flat_workgroup_size: 1024
    .name:           scale_other
    .private_segment_fixed_size: 0
    .sgpr_count:     1
    .sgpr_spill_count: 0
    .vgpr_count:     9
    .vgpr_spill_count: 0
...
	.end_amdgpu_metadata
"""


def test_resources_are_those_of_the_kernel_asked_for() -> None:
    assert resources(ASSEMBLY, "scale") == {
        "registers": 72,
        "scalar_registers": 30,
        "stack_bytes": 24,
        "spill_bytes": 24,
        "shared_bytes": 4096,
        "block_threads": 256,
        "arguments": 2,
    }
    assert resources(ASSEMBLY, "scale_other")["registers"] == 9
    assert resources(ASSEMBLY, "absent") == {}


def test_instructions_are_counted_by_kind() -> None:
    assert instruction_mix(ASSEMBLY) == {
        "instructions": 13,
        "matrix_instructions": 1,
        "async_copies": 1,
        "atomics": 1,
        "global_loads": 1,
        "global_stores": 1,
        "shuffles": 1,
        "shared_accesses": 1,
        "local_accesses": 1,
        "fma_instructions": 1,
        "special_functions": 1,
        "barriers": 1,
        "wide_accesses": 1,
    }
