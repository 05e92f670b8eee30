// A work-item computes WIDTH neighbouring sums.
TUNE(WIDTH, 1, 1, 2, 4, 8, 16, 32, 64)
TUNE(GROUP, 16, 1, 4, 16, 64)
LAUNCH(grid=((cols + WIDTH * GROUP - 1) // (WIDTH * GROUP), batch), block=GROUP)

__kernel void sum_dim1(__global const float* x, __global float* out, long batch, long terms, long cols) {
    const long b = get_group_id(1);
    const long first = get_global_id(0) * WIDTH;
    if (first + WIDTH <= cols) {
        float sum[WIDTH];
        for (int w = 0; w < WIDTH; ++w) {
            sum[w] = 0.0f;
        }
        for (long t = 0; t < terms; ++t) {
            for (int w = 0; w < WIDTH; ++w) {
                sum[w] += x[(b * terms + t) * cols + first + w];
            }
        }
        for (int w = 0; w < WIDTH; ++w) {
            out[b * cols + first + w] = sum[w];
        }
    } else {
        for (long j = first; j < cols; ++j) {
            float sum = 0.0f;
            for (long t = 0; t < terms; ++t) {
                sum += x[(b * terms + t) * cols + j];
            }
            out[b * cols + j] = sum;
        }
    }
}
