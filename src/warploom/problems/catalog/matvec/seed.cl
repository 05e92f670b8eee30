// A work-item computes ROWS rows, one after another.
TUNE(ROWS, 16, 4, 8, 16, 32, 64)
TUNE(GROUP, 4, 1, 2, 4, 8)
LAUNCH(grid=(rows + ROWS * GROUP - 1) // (ROWS * GROUP), block=GROUP)

__kernel void matvec(__global const float* a, __global const float* x, __global float* out, long rows, long cols) {
    const long first = get_global_id(0) * ROWS;
    const long last = min(first + ROWS, rows);
    for (long i = first; i < last; ++i) {
        float sum = 0.0f;
        for (long j = 0; j < cols; ++j) {
            sum += a[i * cols + j] * x[j];
        }
        out[i] = sum;
    }
}
