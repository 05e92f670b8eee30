// Sparse matrix times vector: LANES neighbouring threads a row.
// EVOLVE-BLOCK-START
TUNE(THREADS, 256, 64, 128, 256, 512)
TUNE(LANES, 16, 1, 2, 4, 8, 16, 32)
LAUNCH(grid=(rows * LANES + THREADS - 1) // THREADS, block=THREADS)

extern "C" __global__ void __launch_bounds__(THREADS)
spmv(const float* __restrict__ values, const int32_t* __restrict__ columns, const int32_t* __restrict__ begins,
     const int32_t* __restrict__ lengths, const float* __restrict__ x, float* __restrict__ out, int64_t rows,
     int64_t cols, int64_t entries, int64_t most) {
    const int64_t row = (blockIdx.x * (int64_t)THREADS + threadIdx.x) / LANES;
    const int lane = threadIdx.x % LANES;
    float total = 0.0f;
    if (row < rows) {
        const int begin = begins[row], end = begin + lengths[row];
        for (int entry = begin + lane; entry < end; entry += LANES) total += values[entry] * x[columns[entry]];
    }
#pragma unroll
    for (int step = LANES / 2; step > 0; step /= 2) total += __shfl_xor_sync(0xffffffff, total, step);
    if (row < rows && lane == 0) out[row] = total;
}
// EVOLVE-BLOCK-END
