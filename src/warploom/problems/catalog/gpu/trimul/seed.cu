// Triangular multiplication: a block EDGE by EDGE pairs for 32 channels, a lane a channel, gates applied as it loads.
#include <cuda_bf16.h>

// EVOLVE-BLOCK-START
TUNE(EDGE, 8, 4, 8, 16)
TUNE(STEPS, 4, 1, 2, 4, 8)
LAUNCH(grid=(((size + EDGE - 1) // EDGE) * ((size + EDGE - 1) // EDGE), (dim + 31) // 32, batch), block=32 * EDGE)

__device__ float gated(const __nv_bfloat16* value, const __nv_bfloat16* gate, const __nv_bfloat16* mask, int64_t edge,
                       int64_t channel, int64_t dim) {
    const float v = __bfloat162float(value[edge * dim + channel]), g = __bfloat162float(gate[edge * dim + channel]);
    return v / (1.0f + __expf(-g)) * __bfloat162float(mask[edge]);
}

extern "C" __global__ void __launch_bounds__(32 * EDGE)
trimul(const __nv_bfloat16* __restrict__ left, const __nv_bfloat16* __restrict__ left_gate,
       const __nv_bfloat16* __restrict__ right, const __nv_bfloat16* __restrict__ right_gate,
       const __nv_bfloat16* __restrict__ mask, __nv_bfloat16* __restrict__ out, int64_t batch, int64_t size,
       int64_t dim) {
    __shared__ float two[STEPS][EDGE][32];
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const int64_t across = (size + EDGE - 1) / EDGE, first = blockIdx.z * size;
    const int64_t channel = blockIdx.y * 32 + lane;
    const int64_t i = blockIdx.x / across * EDGE + warp, j = blockIdx.x % across * EDGE;
    float total[EDGE] = {};
    for (int64_t k = 0; k < size; k += STEPS) {
        __syncthreads();
        for (int step = 0; step < STEPS; ++step) {
            const bool inside = j + warp < size && channel < dim && k + step < size;
            const int64_t edge = (first + j + warp) * size + k + step;
            two[step][warp][lane] = inside ? gated(right, right_gate, mask, edge, channel, dim) : 0.0f;
        }
        __syncthreads();
        for (int step = 0; step < STEPS && k + step < size; ++step) {
            if (i >= size || channel >= dim) continue;
            const float one = gated(left, left_gate, mask, (first + i) * size + k + step, channel, dim);
#pragma unroll
            for (int e = 0; e < EDGE; ++e) total[e] += one * two[step][e][lane];
        }
    }
    if (i >= size || channel >= dim) return;
#pragma unroll
    for (int e = 0; e < EDGE; ++e) {
        if (j + e < size) out[((first + i) * size + j + e) * dim + channel] = __float2bfloat16(total[e]);
    }
}
// EVOLVE-BLOCK-END
