// Causal attention: a block some queries of a head, a warp 16 of them, sums and scores in shared memory.
#include <cuda_bf16.h>
#include <mma.h>

// EVOLVE-BLOCK-START
TUNE(BLOCK_Q, 64, 16, 32, 64, 128)
TUNE(BLOCK_T, 64, 16, 32, 64)
LAUNCH(grid=((tokens + BLOCK_Q - 1) // BLOCK_Q, heads), block=2 * BLOCK_Q, shared=272 * (BLOCK_Q + BLOCK_T) + 6 * BLOCK_Q * (BLOCK_T + 8) + 528 * BLOCK_Q)

#define THREADS (2 * BLOCK_Q)
#define WIDE 136
#define NARROW (BLOCK_T + 8)
#define SUMS 132

using namespace nvcuda;

// Some vectors of 128 numbers into shared memory, zeros behind the last token.
__device__ void fetch(const __nv_bfloat16* from, __nv_bfloat16* to, int64_t first, int count, int64_t tokens) {
    for (int place = threadIdx.x; place < count * 16; place += THREADS) {
        uint4 pack = make_uint4(0, 0, 0, 0);
        if (first + place / 16 < tokens) pack = *reinterpret_cast<const uint4*>(from + first * 128 + place * 8);
        *reinterpret_cast<uint4*>(to + place / 16 * WIDE + place % 16 * 8) = pack;
    }
}

extern "C" __global__ void __launch_bounds__(THREADS)
gqa_prefill_bf16(const __nv_bfloat16* __restrict__ query, const __nv_bfloat16* __restrict__ keys,
                 const __nv_bfloat16* __restrict__ values, __nv_bfloat16* __restrict__ out, int64_t heads,
                 int64_t kv_heads, int64_t tokens) {
    extern __shared__ __align__(32) unsigned char memory[];
    __nv_bfloat16* asked = reinterpret_cast<__nv_bfloat16*>(memory);
    __nv_bfloat16* known = asked + BLOCK_Q * WIDE;
    float* scores = reinterpret_cast<float*>(known + BLOCK_T * WIDE);
    __nv_bfloat16* weights = reinterpret_cast<__nv_bfloat16*>(scores + BLOCK_Q * NARROW);
    float* sums = reinterpret_cast<float*>(weights + BLOCK_Q * NARROW);
    const int lane = threadIdx.x % 32, first = threadIdx.x / 32 * 16;
    const int row = first + lane / 2, part = lane % 2;  // two lanes look after a row
    const int64_t begin = blockIdx.x * (int64_t)BLOCK_Q, token = begin + row;
    const int64_t shared = blockIdx.y / (heads / kv_heads) * tokens * 128;
    const float scale = 0.08838834764831845f * 1.4426950408889634f;
    fetch(query + blockIdx.y * tokens * 128, asked, begin, BLOCK_Q, tokens);
    for (int place = threadIdx.x; place < BLOCK_Q * SUMS; place += THREADS) sums[place] = 0.0f;
    float largest = -1e38f, total = 0.0f;
    const int64_t end = begin + BLOCK_Q < tokens ? begin + BLOCK_Q : tokens;
    for (int64_t start = 0; start < end; start += BLOCK_T) {
        __syncthreads();
        fetch(keys + shared, known, start, BLOCK_T, tokens);
        __syncthreads();
        for (int tile = 0; tile < BLOCK_T; tile += 16) {
            wmma::fragment<wmma::accumulator, 16, 16, 16, float> score;
            wmma::fill_fragment(score, 0.0f);
            for (int d = 0; d < 128; d += 16) {
                wmma::fragment<wmma::matrix_a, 16, 16, 16, __nv_bfloat16, wmma::row_major> q;
                wmma::fragment<wmma::matrix_b, 16, 16, 16, __nv_bfloat16, wmma::col_major> key;
                wmma::load_matrix_sync(q, asked + first * WIDE + d, WIDE);
                wmma::load_matrix_sync(key, known + tile * WIDE + d, WIDE);
                wmma::mma_sync(score, q, key, score);
            }
            wmma::store_matrix_sync(scores + first * NARROW + tile, score, NARROW, wmma::mem_row_major);
        }
        __syncwarp();
        float higher = largest;
        for (int t = part; t < BLOCK_T; t += 2) {
            if (start + t <= token) higher = fmaxf(higher, scores[row * NARROW + t] * scale);
        }
        higher = fmaxf(higher, __shfl_xor_sync(0xffffffff, higher, 1));
        const float shrink = exp2f(largest - higher);
        float sum = 0.0f;
        for (int t = part; t < BLOCK_T; t += 2) {
            const float weight = start + t <= token ? exp2f(scores[row * NARROW + t] * scale - higher) : 0.0f;
            weights[row * NARROW + t] = __float2bfloat16(weight);
            sum += weight;
        }
        total = total * shrink + sum + __shfl_xor_sync(0xffffffff, sum, 1);
        largest = higher;
        for (int d = part; d < 128; d += 2) sums[row * SUMS + d] *= shrink;
        __syncthreads();
        fetch(values + shared, known, start, BLOCK_T, tokens);
        __syncthreads();
        for (int d = 0; d < 128; d += 16) {
            wmma::fragment<wmma::accumulator, 16, 16, 16, float> sum_tile;
            wmma::load_matrix_sync(sum_tile, sums + first * SUMS + d, SUMS, wmma::mem_row_major);
            for (int tile = 0; tile < BLOCK_T; tile += 16) {
                wmma::fragment<wmma::matrix_a, 16, 16, 16, __nv_bfloat16, wmma::row_major> weight;
                wmma::fragment<wmma::matrix_b, 16, 16, 16, __nv_bfloat16, wmma::row_major> value;
                wmma::load_matrix_sync(weight, weights + first * NARROW + tile, NARROW);
                wmma::load_matrix_sync(value, known + tile * WIDE + d, WIDE);
                wmma::mma_sync(sum_tile, weight, value, sum_tile);
            }
            wmma::store_matrix_sync(sums + first * SUMS + d, sum_tile, SUMS, wmma::mem_row_major);
        }
        __syncwarp();
    }
    if (token >= tokens) return;
    for (int d = part; d < 128; d += 2) {
        out[(blockIdx.y * tokens + token) * 128 + d] = __float2bfloat16(sums[row * SUMS + d] / total);
    }
}
// EVOLVE-BLOCK-END
