// A work-item computes a strip of ROWS rows.
TUNE(ROWS, 8, 2, 4, 6, 8, 12, 16, 24, 32)
LAUNCH(grid=(rows + ROWS - 1) // ROWS, block=1)

__kernel void matmul_512(
    __global const float* a, __global const float* b, __global float* out, long rows, long inner, long cols
) {
    const long first = get_global_id(0) * ROWS;
    const long last = min(first + ROWS, rows);
    for (long i = first; i < last; ++i) {
        for (long j = 0; j < cols; ++j) {
            float sum = 0.0f;
            for (long k = 0; k < inner; ++k) {
                sum += a[i * inner + k] * b[k * cols + j];
            }
            out[i * cols + j] = sum;
        }
    }
}
