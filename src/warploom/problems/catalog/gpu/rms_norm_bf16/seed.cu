// RMS normalisation: a block a row, which it reads twice.
#include <cuda_bf16.h>

// EVOLVE-BLOCK-START
TUNE(THREADS, 256, 64, 128, 256, 512, 1024)
TUNE(VECTOR, 8, 1, 2, 4, 8)
LAUNCH(grid=rows, block=THREADS)

struct alignas(2 * VECTOR) Pack {
    __nv_bfloat16 item[VECTOR];
};

// VECTOR numbers of a row: one access where every row is aligned, else one by one, `other` behind the row's end.
__device__ void load(float* value, const __nv_bfloat16* row, int64_t col, int64_t cols, float other) {
    if (cols % VECTOR == 0) {
        const Pack pack = *reinterpret_cast<const Pack*>(row + col);
#pragma unroll
        for (int i = 0; i < VECTOR; ++i) value[i] = __bfloat162float(pack.item[i]);
        return;
    }
#pragma unroll
    for (int i = 0; i < VECTOR; ++i) value[i] = col + i < cols ? __bfloat162float(row[col + i]) : other;
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

__device__ float block_sum(float value) {
    __shared__ float part[THREADS / 32];
    for (int step = 16; step > 0; step /= 2) value += __shfl_xor_sync(0xffffffff, value, step);
    __syncthreads();  // part may still be read
    if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = value;
    __syncthreads();
    float total = 0.0f;
    for (int warp = 0; warp < THREADS / 32; ++warp) total += part[warp];
    return total;
}

extern "C" __global__ void __launch_bounds__(THREADS)
rms_norm_bf16(const __nv_bfloat16* __restrict__ x, const __nv_bfloat16* __restrict__ weight,
              __nv_bfloat16* __restrict__ out, int64_t rows, int64_t cols) {
    const __nv_bfloat16* row = x + blockIdx.x * cols;
    float value[VECTOR], factor[VECTOR];
    float squares = 0.0f;
    for (int64_t col = threadIdx.x * VECTOR; col < cols; col += THREADS * VECTOR) {
        load(value, row, col, cols, 0.0f);
#pragma unroll
        for (int i = 0; i < VECTOR; ++i) squares += value[i] * value[i];
    }
    const float scale = rsqrtf(block_sum(squares) / cols + 1e-5f);
    for (int64_t col = threadIdx.x * VECTOR; col < cols; col += THREADS * VECTOR) {
        load(value, row, col, cols, 0.0f);
        load(factor, weight, col, cols, 0.0f);
#pragma unroll
        for (int i = 0; i < VECTOR; ++i) value[i] *= scale * factor[i];
        store(out + blockIdx.x * cols, value, col, cols);
    }
}
// EVOLVE-BLOCK-END
