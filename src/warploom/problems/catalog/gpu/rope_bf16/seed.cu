// Rotary embedding: a thread a few neighbouring numbers of both halves of a head.
#include <cuda_bf16.h>

// EVOLVE-BLOCK-START
TUNE(THREADS, 256, 64, 128, 256, 512, 1024)
TUNE(VECTOR, 8, 1, 2, 4, 8)
LAUNCH(grid=((tokens * ((dim // 2 + VECTOR - 1) // VECTOR) + THREADS - 1) // THREADS, heads), block=THREADS)

struct alignas(2 * VECTOR) Pack {
    __nv_bfloat16 item[VECTOR];
};

// VECTOR numbers of half a head: one access where every half is aligned, else one by one, zeros behind its end.
__device__ void load(float* value, const __nv_bfloat16* row, int64_t col, int64_t cols) {
    if (cols % VECTOR == 0) {
        const Pack pack = *reinterpret_cast<const Pack*>(row + col);
#pragma unroll
        for (int i = 0; i < VECTOR; ++i) value[i] = __bfloat162float(pack.item[i]);
        return;
    }
#pragma unroll
    for (int i = 0; i < VECTOR; ++i) value[i] = col + i < cols ? __bfloat162float(row[col + i]) : 0.0f;
}

__device__ void store(__nv_bfloat16* row, const float* value, int64_t col, int64_t cols) {
    if (cols % VECTOR == 0) {
        Pack pack;
#pragma unroll
        for (int i = 0; i < VECTOR; ++i) pack.item[i] = __float2bfloat16(value[i]);
        *reinterpret_cast<Pack*>(row + col) = pack;
        return;
    }
#pragma unroll
    for (int i = 0; i < VECTOR; ++i) {
        if (col + i < cols) row[col + i] = __float2bfloat16(value[i]);
    }
}

extern "C" __global__ void __launch_bounds__(THREADS)
rope_bf16(const __nv_bfloat16* __restrict__ x, const __nv_bfloat16* __restrict__ cosine,
          const __nv_bfloat16* __restrict__ sine, __nv_bfloat16* __restrict__ out, int64_t heads, int64_t tokens,
          int64_t dim) {
    const int64_t half = dim / 2, packs = (half + VECTOR - 1) / VECTOR;
    const int64_t number = blockIdx.x * (int64_t)THREADS + threadIdx.x;
    const int64_t token = number / packs, col = number % packs * VECTOR;
    if (token >= tokens) return;
    const int64_t begin = (blockIdx.y * tokens + token) * dim, angle = token * dim;
    float left[VECTOR], right[VECTOR], c[VECTOR], s[VECTOR], turned[VECTOR];
    load(left, x + begin, col, half);
    load(right, x + begin + half, col, half);
    load(c, cosine + angle, col, half);
    load(s, sine + angle, col, half);
#pragma unroll
    for (int i = 0; i < VECTOR; ++i) turned[i] = left[i] * c[i] - right[i] * s[i];
    store(out + begin, turned, col, half);
    load(c, cosine + angle + half, col, half);
    load(s, sine + angle + half, col, half);
#pragma unroll
    for (int i = 0; i < VECTOR; ++i) turned[i] = right[i] * c[i] + left[i] * s[i];
    store(out + begin + half, turned, col, half);
}
// EVOLVE-BLOCK-END
