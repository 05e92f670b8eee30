// A work-item computes a block of ROWS rows and WIDTH columns.
TUNE(ROWS, 1, 1, 2, 4, 6, 8)
TUNE(WIDTH, 1, 1, 4, 8, 16, 32)
TUNE(GROUP, 16, 1, 4, 16, 64)
LAUNCH(grid=((cols + WIDTH * GROUP - 1) // (WIDTH * GROUP), (rows + ROWS - 1) // ROWS), block=GROUP)

__kernel void matmul_512(
    __global const float* a, __global const float* b, __global float* out, long rows, long inner, long cols
) {
    const long top = get_group_id(1) * ROWS;
    const long left = get_global_id(0) * WIDTH;
    if (top + ROWS <= rows && left + WIDTH <= cols) {
        float sum[ROWS][WIDTH];
        for (int r = 0; r < ROWS; ++r) {
            for (int w = 0; w < WIDTH; ++w) {
                sum[r][w] = 0.0f;
            }
        }
        for (long k = 0; k < inner; ++k) {
            for (int r = 0; r < ROWS; ++r) {
                for (int w = 0; w < WIDTH; ++w) {
                    sum[r][w] += a[(top + r) * inner + k] * b[k * cols + left + w];
                }
            }
        }
        for (int r = 0; r < ROWS; ++r) {
            for (int w = 0; w < WIDTH; ++w) {
                out[(top + r) * cols + left + w] = sum[r][w];
            }
        }
    } else {
        for (long i = top; i < min(top + ROWS, rows); ++i) {
            for (long j = left; j < min(left + WIDTH, cols); ++j) {
                float sum = 0.0f;
                for (long k = 0; k < inner; ++k) {
                    sum += a[i * inner + k] * b[k * cols + j];
                }
                out[i * cols + j] = sum;
            }
        }
    }
}
