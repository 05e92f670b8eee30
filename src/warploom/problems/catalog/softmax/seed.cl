// A work-item computes one row, with LANES partial maxima and sums.
TUNE(LANES, 1, 1, 2, 4, 8, 16, 32)
TUNE(GROUP, 16, 1, 2, 4, 8, 16, 32)
LAUNCH(grid=(rows + GROUP - 1) // GROUP, block=GROUP)

__kernel void softmax(__global const float* x, __global float* out, long rows, long cols) {
    const long i = get_global_id(0);
    if (i >= rows) return;
    float largest[LANES];
    float sum[LANES];
    for (int lane = 0; lane < LANES; ++lane) {
        largest[lane] = x[i * cols];
        sum[lane] = 0.0f;
    }
    const long whole = cols - cols % LANES;
    for (long j = 0; j < whole; j += LANES) {
        for (int lane = 0; lane < LANES; ++lane) {
            largest[lane] = max(largest[lane], x[i * cols + j + lane]);
        }
    }
    for (long j = whole; j < cols; ++j) {
        largest[0] = max(largest[0], x[i * cols + j]);
    }
    for (int lane = 1; lane < LANES; ++lane) {
        largest[0] = max(largest[0], largest[lane]);
    }
    for (long j = 0; j < whole; j += LANES) {
        for (int lane = 0; lane < LANES; ++lane) {
            sum[lane] += exp(x[i * cols + j + lane] - largest[0]);
        }
    }
    for (long j = whole; j < cols; ++j) {
        sum[0] += exp(x[i * cols + j] - largest[0]);
    }
    for (int lane = 1; lane < LANES; ++lane) {
        sum[0] += sum[lane];
    }
    for (long j = 0; j < cols; ++j) {
        out[i * cols + j] = exp(x[i * cols + j] - largest[0]) / sum[0];
    }
}
