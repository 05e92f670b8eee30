// Convolution: a thread a pixel of some filters, whose weights lie in shared memory a channel at a time.
#include <cuda_fp16.h>

// EVOLVE-BLOCK-START
TUNE(THREADS, 128, 64, 128, 256)
TUNE(FILTERS, 16, 4, 8, 16, 32)
LAUNCH(grid=(((height - 7) // 4 * ((width - 7) // 4) + THREADS - 1) // THREADS, (filters + FILTERS - 1) // FILTERS, batch), block=THREADS)

extern "C" __global__ void __launch_bounds__(THREADS)
conv2d_11x11_fp16(const __half* __restrict__ x, const __half* __restrict__ weight, const __half* __restrict__ bias,
                  __half* __restrict__ out, int64_t batch, int64_t channels, int64_t height, int64_t width,
                  int64_t filters) {
    __shared__ float taps[121][FILTERS];
    const int64_t wide = (width - 11) / 4 + 1, pixels = ((height - 11) / 4 + 1) * wide;
    const int64_t pixel = blockIdx.x * (int64_t)THREADS + threadIdx.x, first = blockIdx.y * (int64_t)FILTERS;
    const int64_t corner = pixel < pixels ? pixel / wide * 4 * width + pixel % wide * 4 : 0;
    float total[FILTERS] = {};
    for (int64_t channel = 0; channel < channels; ++channel) {
        __syncthreads();
        for (int place = threadIdx.x; place < 121 * FILTERS; place += THREADS) {
            const int64_t f = first + place % FILTERS;
            const int64_t at = (f * channels + channel) * 121 + place / FILTERS;
            taps[place / FILTERS][place % FILTERS] = f < filters ? __half2float(weight[at]) : 0.0f;
        }
        __syncthreads();
        const __half* image = x + (blockIdx.z * channels + channel) * height * width + corner;
        for (int row = 0; row < 11; ++row) {
            for (int col = 0; col < 11; ++col) {
                const float value = __half2float(image[row * width + col]);
#pragma unroll
                for (int f = 0; f < FILTERS; ++f) total[f] += value * taps[row * 11 + col][f];
            }
        }
    }
    if (pixel >= pixels) return;
#pragma unroll
    for (int f = 0; f < FILTERS; ++f) {
        if (first + f >= filters) continue;
        const int64_t at = (blockIdx.z * filters + first + f) * pixels + pixel;
        out[at] = __float2half(total[f] + __half2float(bias[first + f]));
    }
}
// EVOLVE-BLOCK-END
