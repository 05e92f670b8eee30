// Matrix product: a block a tile of the result, slices of both matrices in shared memory, a warp some of its corners.
#include <cuda_bf16.h>
#include <mma.h>

// EVOLVE-BLOCK-START
TUNE(BLOCK_M, 128, 32, 64, 128)
TUNE(BLOCK_N, 128, 32, 64, 128)
TUNE(BLOCK_K, 32, 16, 32, 64)
TUNE(WARPS_M, 2, 1, 2, 4)
TUNE(WARPS_N, 4, 1, 2, 4)
LAUNCH(grid=((n + BLOCK_N - 1) // BLOCK_N, (m + BLOCK_M - 1) // BLOCK_M), block=32 * WARPS_M * WARPS_N)

#define THREADS (32 * WARPS_M * WARPS_N)
#define TILES_M (BLOCK_M / WARPS_M / 16)
#define TILES_N (BLOCK_N / WARPS_N / 16)
#define LEFT (BLOCK_K + 8)
#define RIGHT (BLOCK_N + 8)

using namespace nvcuda;

// A slice [height, width] of a matrix [rows, cols], zeros beyond it, into rows of `stride` in shared memory.
__device__ void fetch(const __nv_bfloat16* matrix, __nv_bfloat16* slice, int height, int width, int stride, int64_t row,
                      int64_t col, int64_t rows, int64_t cols) {
    for (int place = threadIdx.x * 8; place < height * width; place += THREADS * 8) {
        const int64_t r = row + place / width, c = col + place % width;
        __nv_bfloat16* to = slice + place / width * stride + place % width;
        if (cols % 8 == 0 && r < rows && c < cols) {
            *reinterpret_cast<uint4*>(to) = *reinterpret_cast<const uint4*>(matrix + r * cols + c);
            continue;
        }
        for (int i = 0; i < 8; ++i) {
            to[i] = r < rows && c + i < cols ? matrix[r * cols + c + i] : __float2bfloat16(0.0f);
        }
    }
}

extern "C" __global__ void __launch_bounds__(THREADS)
matmul_bf16(const __nv_bfloat16* __restrict__ a, const __nv_bfloat16* __restrict__ b, __nv_bfloat16* __restrict__ out, int64_t m,
            int64_t n, int64_t k) {
    __shared__ __align__(32) __nv_bfloat16 left[BLOCK_M * LEFT];
    __shared__ __align__(32) __nv_bfloat16 right[BLOCK_K * RIGHT];
    __shared__ __align__(32) float stage[WARPS_M * WARPS_N][256];
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    const int down = warp / WARPS_N * (BLOCK_M / WARPS_M), across = warp % WARPS_N * (BLOCK_N / WARPS_N);
    const int64_t row = blockIdx.y * (int64_t)BLOCK_M, col = blockIdx.x * (int64_t)BLOCK_N;
    wmma::fragment<wmma::accumulator, 16, 16, 16, float> total[TILES_M][TILES_N];
    for (int i = 0; i < TILES_M; ++i) {
        for (int j = 0; j < TILES_N; ++j) wmma::fill_fragment(total[i][j], 0.0f);
    }
    for (int64_t deep = 0; deep < k; deep += BLOCK_K) {
        fetch(a, left, BLOCK_M, BLOCK_K, LEFT, row, deep, m, k);
        fetch(b, right, BLOCK_K, BLOCK_N, RIGHT, deep, col, k, n);
        __syncthreads();
        for (int step = 0; step < BLOCK_K; step += 16) {
            wmma::fragment<wmma::matrix_a, 16, 16, 16, __nv_bfloat16, wmma::row_major> one[TILES_M];
            wmma::fragment<wmma::matrix_b, 16, 16, 16, __nv_bfloat16, wmma::row_major> two;
            for (int i = 0; i < TILES_M; ++i) {
                wmma::load_matrix_sync(one[i], left + (down + 16 * i) * LEFT + step, LEFT);
            }
            for (int j = 0; j < TILES_N; ++j) {
                wmma::load_matrix_sync(two, right + step * RIGHT + across + 16 * j, RIGHT);
                for (int i = 0; i < TILES_M; ++i) wmma::mma_sync(total[i][j], one[i], two, total[i][j]);
            }
        }
        __syncthreads();
    }
    for (int i = 0; i < TILES_M; ++i) {
        for (int j = 0; j < TILES_N; ++j) {
            wmma::store_matrix_sync(stage[warp], total[i][j], 16, wmma::mem_row_major);
            __syncwarp();
            for (int place = lane; place < 256; place += 32) {
                const int64_t r = row + down + 16 * i + place / 16, c = col + across + 16 * j + place % 16;
                if (r < m && c < n) out[r * n + c] = __float2bfloat16(stage[warp][place]);
            }
            __syncwarp();
        }
    }
}
// EVOLVE-BLOCK-END
