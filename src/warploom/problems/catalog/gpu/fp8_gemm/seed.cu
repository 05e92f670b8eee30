// 8-bit matrix product: codes become float16 as they are fetched, and each 128 of depth are scaled on their own.
#include <cuda_fp16.h>
#include <cuda_bf16.h>
#include <mma.h>

// EVOLVE-BLOCK-START
TUNE(BLOCK_M, 64, 32, 64, 128)
TUNE(BLOCK_N, 64, 32, 64, 128)
TUNE(WARPS_M, 2, 1, 2, 4)
TUNE(WARPS_N, 2, 1, 2, 4)
LAUNCH(grid=((n + BLOCK_N - 1) // BLOCK_N, (m + BLOCK_M - 1) // BLOCK_M), block=32 * WARPS_M * WARPS_N, shared=272 * (BLOCK_M + BLOCK_N) + 1024 * WARPS_M * WARPS_N)

#define THREADS (32 * WARPS_M * WARPS_N)
#define TILES_M (BLOCK_M / WARPS_M / 16)
#define TILES_N (BLOCK_N / WARPS_N / 16)
#define WIDE 136

using namespace nvcuda;

// 128 columns of some rows of codes as float16, 256 times too small, zeros beyond the matrix [rows, k].
__device__ void fetch(const uint8_t* matrix, __half* slice, int height, int64_t row, int64_t col, int64_t rows,
                      int64_t k) {
    for (int place = threadIdx.x * 4; place < height * 128; place += THREADS * 4) {
        const int64_t r = row + place / 128, c = col + place % 128;
        unsigned codes = 0;
        if (k % 4 == 0 && r < rows && c < k) {
            codes = *reinterpret_cast<const unsigned*>(matrix + r * k + c);
        } else if (r < rows) {
            for (int i = 0; i < 4; ++i) codes |= c + i < k ? (unsigned)matrix[r * k + c + i] << (8 * i) : 0u;
        }
        for (int i = 0; i < 4; ++i) {
            const unsigned code = codes >> (8 * i);
            const unsigned short bits = (code & 0x80) << 8 | (code & 0x7f) << 7;
            slice[place / 128 * WIDE + place % 128 + i] = __ushort_as_half(bits);
        }
    }
}

extern "C" __global__ void __launch_bounds__(THREADS)
fp8_gemm(const uint8_t* __restrict__ a, const uint8_t* __restrict__ b, const float* __restrict__ a_scale,
         const float* __restrict__ b_scale, __nv_bfloat16* __restrict__ out, int64_t m, int64_t n, int64_t k) {
    extern __shared__ __align__(32) unsigned char memory[];
    __half* left = reinterpret_cast<__half*>(memory);
    __half* right = left + BLOCK_M * WIDE;
    float* stage = reinterpret_cast<float*>(right + BLOCK_N * WIDE) + threadIdx.x / 32 * 256;
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    const int down = warp / WARPS_N * (BLOCK_M / WARPS_M), across = warp % WARPS_N * (BLOCK_N / WARPS_N);
    const int64_t row = blockIdx.y * (int64_t)BLOCK_M, col = blockIdx.x * (int64_t)BLOCK_N, depth = (k + 127) / 128;
    float total[TILES_M][TILES_N][8] = {};
    for (int64_t block = 0; block < depth; ++block) {
        fetch(a, left, BLOCK_M, row, block * 128, m, k);
        fetch(b, right, BLOCK_N, col, block * 128, n, k);
        __syncthreads();
#pragma unroll
        for (int i = 0; i < TILES_M; ++i) {
#pragma unroll
            for (int j = 0; j < TILES_N; ++j) {
                wmma::fragment<wmma::accumulator, 16, 16, 16, float> sum;
                wmma::fill_fragment(sum, 0.0f);
                for (int step = 0; step < 128; step += 16) {
                    wmma::fragment<wmma::matrix_a, 16, 16, 16, __half, wmma::row_major> one;
                    wmma::fragment<wmma::matrix_b, 16, 16, 16, __half, wmma::col_major> two;
                    wmma::load_matrix_sync(one, left + (down + 16 * i) * WIDE + step, WIDE);
                    wmma::load_matrix_sync(two, right + (across + 16 * j) * WIDE + step, WIDE);
                    wmma::mma_sync(sum, one, two, sum);
                }
                wmma::store_matrix_sync(stage, sum, 16, wmma::mem_row_major);
                __syncwarp();
#pragma unroll
                for (int e = 0; e < 8; ++e) {
                    const int place = lane + 32 * e;
                    const int64_t r = row + down + 16 * i + place / 16, c = col + across + 16 * j + place % 16;
                    if (r < m && c < n) {
                        const float scale = a_scale[r * depth + block] * b_scale[c / 128 * depth + block];
                        total[i][j][e] += stage[place] * (65536.0f * scale);
                    }
                }
                __syncwarp();
            }
        }
        __syncthreads();
    }
#pragma unroll
    for (int i = 0; i < TILES_M; ++i) {
#pragma unroll
        for (int j = 0; j < TILES_N; ++j) {
#pragma unroll
            for (int e = 0; e < 8; ++e) {
                const int place = lane + 32 * e;
                const int64_t r = row + down + 16 * i + place / 16, c = col + across + 16 * j + place % 16;
                if (r < m && c < n) out[r * n + c] = __float2bfloat16(total[i][j][e]);
            }
        }
    }
}
// EVOLVE-BLOCK-END
