// Decode attention: a block a key-value head of a sequence; half-warps take the tokens in turn and meet at the end.
#include <cuda_bf16.h>

// EVOLVE-BLOCK-START
TUNE(WARPS, 8, 2, 4, 8, 16)
TUNE(HEADS, 5, 1, 2, 4, 5, 8)
LAUNCH(grid=(batch * kv_heads, (heads // kv_heads + HEADS - 1) // HEADS), block=32 * WARPS)

struct alignas(16) Pack {
    __nv_bfloat16 item[8];
};

extern "C" __global__ void __launch_bounds__(32 * WARPS)
gqa_decode_bf16(const __nv_bfloat16* __restrict__ query, const __nv_bfloat16* __restrict__ keys,
                const __nv_bfloat16* __restrict__ values, __nv_bfloat16* __restrict__ out, int64_t batch,
                int64_t heads, int64_t kv_heads, int64_t context) {
    __shared__ float tops[2 * WARPS], totals[2 * WARPS], parts[2 * WARPS][128];
    const int worker = threadIdx.x / 16, lane = threadIdx.x % 16;
    const int64_t group = heads / kv_heads, first = blockIdx.y * (int64_t)HEADS;
    const int64_t member = blockIdx.x * group + first;
    const float scale = 0.08838834764831845f * 1.4426950408889634f;
    float q[HEADS][8], sums[HEADS][8], largest[HEADS], total[HEADS];
#pragma unroll
    for (int h = 0; h < HEADS; ++h) {
        largest[h] = -1e38f;
        total[h] = 0.0f;
#pragma unroll
        for (int i = 0; i < 8; ++i) {
            sums[h][i] = 0.0f;
            q[h][i] = first + h < group ? scale * __bfloat162float(query[(member + h) * 128 + lane * 8 + i]) : 0.0f;
        }
    }
    for (int64_t begin = 0; begin < context; begin += 2 * WARPS) {
        const int64_t token = begin + worker;
        const bool here = token < context;
        const int64_t at = (blockIdx.x * context + (here ? token : 0)) * 128 + lane * 8;
        const Pack key = *reinterpret_cast<const Pack*>(keys + at);
        const Pack value = *reinterpret_cast<const Pack*>(values + at);
#pragma unroll
        for (int h = 0; h < HEADS; ++h) {
            float score = 0.0f;
#pragma unroll
            for (int i = 0; i < 8; ++i) score += q[h][i] * __bfloat162float(key.item[i]);
#pragma unroll
            for (int step = 8; step > 0; step /= 2) score += __shfl_xor_sync(0xffffffff, score, step);
            const float higher = here ? fmaxf(largest[h], score) : largest[h];
            const float shrink = exp2f(largest[h] - higher), weight = here ? exp2f(score - higher) : 0.0f;
            largest[h] = higher;
            total[h] = total[h] * shrink + weight;
#pragma unroll
            for (int i = 0; i < 8; ++i) sums[h][i] = sums[h][i] * shrink + weight * __bfloat162float(value.item[i]);
        }
    }
#pragma unroll
    for (int h = 0; h < HEADS; ++h) {
        __syncthreads();
        tops[worker] = largest[h];
        totals[worker] = total[h];
        for (int i = 0; i < 8; ++i) parts[worker][lane * 8 + i] = sums[h][i];
        __syncthreads();
        float top = tops[0], sum = 0.0f;
        for (int w = 1; w < 2 * WARPS; ++w) top = fmaxf(top, tops[w]);
        for (int w = 0; w < 2 * WARPS; ++w) sum += totals[w] * exp2f(tops[w] - top);
        for (int d = threadIdx.x; d < 128; d += 32 * WARPS) {
            float number = 0.0f;
            for (int w = 0; w < 2 * WARPS; ++w) number += parts[w][d] * exp2f(tops[w] - top);
            if (first + h < group) out[(member + h) * 128 + d] = __float2bfloat16(number / sum);
        }
    }
}
// EVOLVE-BLOCK-END
