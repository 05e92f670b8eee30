// A work-item computes one row, in LANES partial sums.
TUNE(LANES, 1, 1, 2, 4, 8, 16, 32, 64)
TUNE(GROUP, 16, 1, 4, 16, 64)
LAUNCH(grid=(rows + GROUP - 1) // GROUP, block=GROUP)

__kernel void matvec(__global const float* a, __global const float* x, __global float* out, long rows, long cols) {
    const long i = get_global_id(0);
    if (i >= rows) return;
    float sum[LANES];
    for (int lane = 0; lane < LANES; ++lane) {
        sum[lane] = 0.0f;
    }
    const long whole = cols - cols % LANES;
    for (long j = 0; j < whole; j += LANES) {
        for (int lane = 0; lane < LANES; ++lane) {
            sum[lane] += a[i * cols + j + lane] * x[j + lane];
        }
    }
    for (long j = whole; j < cols; ++j) {
        sum[0] += a[i * cols + j] * x[j];
    }
    for (int lane = 1; lane < LANES; ++lane) {
        sum[0] += sum[lane];
    }
    out[i] = sum[0];
}
