// Mixture of experts: a block a token; its warps make some inner units, then its threads add them to the result.
#include <cuda_bf16.h>

// EVOLVE-BLOCK-START
TUNE(HIDDEN, 1024, 1024, 2048)
TUNE(THREADS, 256, 128, 256, 512)
TUNE(UNITS, 64, 16, 32, 64, 128)
LAUNCH(grid=tokens, block=THREADS)

extern "C" __global__ void __launch_bounds__(THREADS)
fused_moe(const __nv_bfloat16* __restrict__ x, const int32_t* __restrict__ experts,
          const __nv_bfloat16* __restrict__ weights, const __nv_bfloat16* __restrict__ gate,
          const __nv_bfloat16* __restrict__ up, const __nv_bfloat16* __restrict__ down, __nv_bfloat16* __restrict__ out,
          int64_t tokens, int64_t slots, int64_t total, int64_t hidden, int64_t inner) {
    __shared__ float own[HIDDEN], units[UNITS];
    const int64_t token = blockIdx.x;
    float sums[HIDDEN / THREADS] = {};
    for (int64_t h = threadIdx.x; h < hidden; h += THREADS) own[h] = __bfloat162float(x[token * hidden + h]);
    __syncthreads();
    for (int64_t slot = 0; slot < slots; ++slot) {
        const int64_t expert = experts[token * slots + slot];
        const float share = __bfloat162float(weights[token * slots + slot]);
        for (int64_t start = 0; start < inner; start += UNITS) {
            for (int unit = threadIdx.x / 32; unit < UNITS && start + unit < inner; unit += THREADS / 32) {
                const int64_t line = (expert * inner + start + unit) * hidden;
                float g = 0.0f, u = 0.0f;
                for (int64_t h = threadIdx.x % 32; h < hidden; h += 32) {
                    g += own[h] * __bfloat162float(gate[line + h]);
                    u += own[h] * __bfloat162float(up[line + h]);
                }
                for (int step = 16; step > 0; step /= 2) {
                    g += __shfl_xor_sync(0xffffffff, g, step);
                    u += __shfl_xor_sync(0xffffffff, u, step);
                }
                if (threadIdx.x % 32 == 0) units[unit] = share * u * g / (1.0f + __expf(-g));
            }
            __syncthreads();
            for (int unit = 0; unit < UNITS && start + unit < inner; ++unit) {
                const int64_t line = (expert * inner + start + unit) * hidden;
#pragma unroll
                for (int i = 0; i < HIDDEN / THREADS; ++i) {
                    const int64_t h = threadIdx.x + i * THREADS;
                    if (h < hidden) sums[i] += units[unit] * __bfloat162float(down[line + h]);
                }
            }
            __syncthreads();
        }
    }
#pragma unroll
    for (int i = 0; i < HIDDEN / THREADS; ++i) {
        const int64_t h = threadIdx.x + i * THREADS;
        if (h < hidden) out[token * hidden + h] = __float2bfloat16(sums[i]);
    }
}
// EVOLVE-BLOCK-END
