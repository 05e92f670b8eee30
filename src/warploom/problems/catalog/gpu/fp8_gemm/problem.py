"""A matrix product of 8-bit floats with scales of blocks, as in DeepSeek's models.

Both matrices hold the codes of ``float8_e4m3fn`` as bytes: Warploom's tensors have no 8-bit float. Codes from 0 to 126
are drawn, the numbers from 0 to 448 (127 is NaN); the signs are those of the scales, of which ``a`` has one a row and
128 columns, and ``b`` one a block of 128 by 128.
"""

import torch

from warploom import Problem, Tensor, Tolerance, Workload


def fp8_gemm(a, b, a_scale, b_scale):
    n, k = b.shape
    left = a.view(torch.float8_e4m3fn).to(a_scale.dtype)
    right = b.view(torch.float8_e4m3fn).to(b_scale.dtype)
    left = left * a_scale.repeat_interleave(128, 1)[:, :k]
    right = right * b_scale.repeat_interleave(128, 0)[:n].repeat_interleave(128, 1)[:, :k]
    narrow = torch.bfloat16 if a_scale.dtype == torch.float32 else a_scale.dtype
    return (left @ right.T).to(narrow)


problem = Problem(
    name="fp8_gemm",
    title="matrix product of 8-bit floats (e4m3) with scales of 128 x 128 blocks, bfloat16 out",
    axes=("m", "n", "k"),
    inputs={
        "a": Tensor("m k", "uint8", low=0, high=127),
        "b": Tensor("n k", "uint8", low=0, high=127),
        "a_scale": Tensor("m (k+127)//128", scale=0.01),
        "b_scale": Tensor("(n+127)//128 (k+127)//128", scale=0.01),
    },
    outputs={"out": Tensor("m n", "bfloat16")},
    reference=fp8_gemm,
    workloads=[
        Workload(m=4096, n=4096, k=7168),
        Workload(m=1024, n=7168, k=2048),
        Workload(m=6144, n=1536, k=7168),
    ],
    held_out=[
        Workload(m=1, n=1, k=1),
        Workload(m=37, n=41, k=43),
        Workload(m=65, n=129, k=128, recipe="offset"),
        Workload(m=16, n=64, k=384),
        Workload(m=5, n=136, k=300, recipe="ties"),
    ],
    operations="2*m*n*k",
    # The result's own rounding is coarse; sums are in float32.
    tolerance=Tolerance(factor=8.0),
)
