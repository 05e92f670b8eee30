// The gated activation: a thread a few neighbouring elements.
#include <cuda_bf16.h>

// EVOLVE-BLOCK-START
TUNE(THREADS, 256, 64, 128, 256, 512, 1024)
TUNE(VECTOR, 8, 1, 2, 4, 8)
LAUNCH(grid=(rows * cols + THREADS * VECTOR - 1) // (THREADS * VECTOR), block=THREADS)

struct alignas(2 * VECTOR) Pack {
    __nv_bfloat16 item[VECTOR];
};

__device__ __nv_bfloat16 gated(__nv_bfloat16 gate, __nv_bfloat16 up) {
    const float g = __bfloat162float(gate);
    return __float2bfloat16(g / (1.0f + __expf(-g)) * __bfloat162float(up));
}

extern "C" __global__ void __launch_bounds__(THREADS)
swiglu_bf16(const __nv_bfloat16* __restrict__ gate, const __nv_bfloat16* __restrict__ up,
            __nv_bfloat16* __restrict__ out, int64_t rows, int64_t cols) {
    const int64_t count = rows * cols;
    const int64_t place = (blockIdx.x * (int64_t)THREADS + threadIdx.x) * VECTOR;
    if (place + VECTOR <= count) {
        const Pack g = *reinterpret_cast<const Pack*>(gate + place);
        const Pack u = *reinterpret_cast<const Pack*>(up + place);
        Pack made;
#pragma unroll
        for (int i = 0; i < VECTOR; ++i) made.item[i] = gated(g.item[i], u.item[i]);
        *reinterpret_cast<Pack*>(out + place) = made;
    } else {
        for (int64_t at = place; at < count; ++at) out[at] = gated(gate[at], up[at]);
    }
}
// EVOLVE-BLOCK-END
