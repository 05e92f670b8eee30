// A work-item computes STRIP neighbouring sums.
TUNE(STRIP, 64, 16, 32, 64, 128, 256, 1024)
TUNE(GROUP, 1, 1, 2, 4)
LAUNCH(grid=((cols + STRIP * GROUP - 1) // (STRIP * GROUP), batch), block=GROUP)

__kernel void sum_dim1(__global const float* x, __global float* out, long batch, long terms, long cols) {
    const long b = get_group_id(1);
    const long first = get_global_id(0) * STRIP;
    const long last = min(first + STRIP, cols);
    for (long j = first; j < last; ++j) {
        float sum = 0.0f;
        for (long t = 0; t < terms; ++t) {
            sum += x[(b * terms + t) * cols + j];
        }
        out[b * cols + j] = sum;
    }
}
