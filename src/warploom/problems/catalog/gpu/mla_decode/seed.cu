// Latent attention: a block 16 heads of a sequence; a tile of latent vectors in shared memory is keys and values.
#include <cuda_bf16.h>
#include <mma.h>

// EVOLVE-BLOCK-START
TUNE(BLOCK_T, 64, 64)
TUNE(RESIDENT, 1, 1, 2)
LAUNCH(grid=((heads + 15) // 16, batch), block=2 * BLOCK_T, shared=1168 * (16 + BLOCK_T) + 96 * (BLOCK_T + 8) + 33024)

#define THREADS (2 * BLOCK_T)
#define WARPS (BLOCK_T / 16)
#define WIDE 584
#define NARROW (BLOCK_T + 8)
#define SUMS 516

using namespace nvcuda;

extern "C" __global__ void __launch_bounds__(THREADS, RESIDENT)
mla_decode(const __nv_bfloat16* __restrict__ query, const __nv_bfloat16* __restrict__ query_rope,
           const __nv_bfloat16* __restrict__ cosine, const __nv_bfloat16* __restrict__ sine,
           const __nv_bfloat16* __restrict__ latent, const __nv_bfloat16* __restrict__ key_rope,
           __nv_bfloat16* __restrict__ out, int64_t batch, int64_t heads, int64_t context) {
    extern __shared__ __align__(32) unsigned char memory[];
    __nv_bfloat16* asked = reinterpret_cast<__nv_bfloat16*>(memory);
    __nv_bfloat16* known = asked + 16 * WIDE;
    float* scores = reinterpret_cast<float*>(known + BLOCK_T * WIDE);
    __nv_bfloat16* weights = reinterpret_cast<__nv_bfloat16*>(scores + 16 * NARROW);
    float* sums = reinterpret_cast<float*>(weights + 16 * NARROW);
    const int warp = threadIdx.x / 32, row = threadIdx.x / (THREADS / 16), part = threadIdx.x % (THREADS / 16);
    const int64_t sequence = blockIdx.y, head = blockIdx.x * (int64_t)16;
    const float scale = 0.07216878364870323f * 1.4426950408889634f;
    for (int place = threadIdx.x; place < 16 * 512; place += THREADS) {
        const int64_t h = head + place / 512;
        const __nv_bfloat16 none = __float2bfloat16(0.0f);
        asked[place / 512 * WIDE + place % 512] = h < heads ? query[(sequence * heads + h) * 512 + place % 512] : none;
        sums[place / 512 * SUMS + place % 512] = 0.0f;
    }
    for (int place = threadIdx.x; place < 16 * 32; place += THREADS) {
        const int64_t h = head + place / 32;
        const int i = place % 32;
        float first = 0.0f, second = 0.0f;
        if (h < heads) {
            first = __bfloat162float(query_rope[(sequence * heads + h) * 64 + i]);
            second = __bfloat162float(query_rope[(sequence * heads + h) * 64 + 32 + i]);
        }
        const float c = __bfloat162float(cosine[sequence * 32 + i]), s = __bfloat162float(sine[sequence * 32 + i]);
        asked[place / 32 * WIDE + 512 + i] = __float2bfloat16(first * c - second * s);
        asked[place / 32 * WIDE + 544 + i] = __float2bfloat16(second * c + first * s);
    }
    float largest = -1e38f, total = 0.0f;
    for (int64_t start = 0; start < context; start += BLOCK_T) {
        __syncthreads();
        for (int place = threadIdx.x; place < BLOCK_T * 72; place += THREADS) {
            const int64_t token = start + place / 72;
            const int pack = place % 72;  // 64 of the latent vector, 8 of the rotated key
            uint4 held = make_uint4(0, 0, 0, 0);
            if (token < context) {
                const int64_t line = sequence * context + token;
                const __nv_bfloat16* from = pack < 64 ? latent + line * 512 : key_rope + line * 64 - 512;
                held = *reinterpret_cast<const uint4*>(from + pack * 8);
            }
            *reinterpret_cast<uint4*>(known + place / 72 * WIDE + pack * 8) = held;
        }
        __syncthreads();
        {
            wmma::fragment<wmma::accumulator, 16, 16, 16, float> score;
            wmma::fill_fragment(score, 0.0f);
            for (int d = 0; d < 576; d += 16) {
                wmma::fragment<wmma::matrix_a, 16, 16, 16, __nv_bfloat16, wmma::row_major> q;
                wmma::fragment<wmma::matrix_b, 16, 16, 16, __nv_bfloat16, wmma::col_major> key;
                wmma::load_matrix_sync(q, asked + d, WIDE);
                wmma::load_matrix_sync(key, known + warp * 16 * WIDE + d, WIDE);
                wmma::mma_sync(score, q, key, score);
            }
            wmma::store_matrix_sync(scores + warp * 16, score, NARROW, wmma::mem_row_major);
        }
        __syncthreads();
        float higher = largest;
        for (int t = part; t < BLOCK_T; t += THREADS / 16) {
            if (start + t < context) higher = fmaxf(higher, scores[row * NARROW + t] * scale);
        }
        for (int step = THREADS / 32; step > 0; step /= 2) {
            higher = fmaxf(higher, __shfl_xor_sync(0xffffffff, higher, step));
        }
        const float shrink = exp2f(largest - higher);
        float sum = 0.0f;
        for (int t = part; t < BLOCK_T; t += THREADS / 16) {
            const float weight = start + t < context ? exp2f(scores[row * NARROW + t] * scale - higher) : 0.0f;
            weights[row * NARROW + t] = __float2bfloat16(weight);
            sum += weight;
        }
        for (int step = THREADS / 32; step > 0; step /= 2) sum += __shfl_xor_sync(0xffffffff, sum, step);
        total = total * shrink + sum;
        largest = higher;
        for (int d = part; d < 512; d += THREADS / 16) sums[row * SUMS + d] *= shrink;
        __syncthreads();
        for (int d = warp * (512 / WARPS); d < (warp + 1) * (512 / WARPS); d += 16) {
            wmma::fragment<wmma::accumulator, 16, 16, 16, float> sum_tile;
            wmma::load_matrix_sync(sum_tile, sums + d, SUMS, wmma::mem_row_major);
            for (int tile = 0; tile < BLOCK_T; tile += 16) {
                wmma::fragment<wmma::matrix_a, 16, 16, 16, __nv_bfloat16, wmma::row_major> weight;
                wmma::fragment<wmma::matrix_b, 16, 16, 16, __nv_bfloat16, wmma::row_major> value;
                wmma::load_matrix_sync(weight, weights + tile, NARROW);
                wmma::load_matrix_sync(value, known + tile * WIDE + d, WIDE);
                wmma::mma_sync(sum_tile, weight, value, sum_tile);
            }
            wmma::store_matrix_sync(sums + d, sum_tile, SUMS, wmma::mem_row_major);
        }
    }
    __syncthreads();
    if (head + row >= heads) return;
    for (int d = part; d < 512; d += THREADS / 16) {
        out[(sequence * heads + head + row) * 512 + d] = __float2bfloat16(sums[row * SUMS + d] / total);
    }
}
// EVOLVE-BLOCK-END
