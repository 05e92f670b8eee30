// Jacobi sweep: a thread goes down a few rows of a column and keeps what it has read of it.
// EVOLVE-BLOCK-START
TUNE(THREADS, 128, 64, 128, 256, 512)
TUNE(ROWS, 8, 1, 2, 4, 8, 16)
LAUNCH(grid=((width + THREADS - 1) // THREADS, (height + ROWS - 1) // ROWS), block=THREADS)

extern "C" __global__ void __launch_bounds__(THREADS)
jacobi(const float* __restrict__ u, const float* __restrict__ f, float* __restrict__ out, int64_t height,
       int64_t width) {
    const int64_t x = blockIdx.x * (int64_t)THREADS + threadIdx.x, first = blockIdx.y * (int64_t)ROWS;
    if (x >= width) return;
    float above = first > 0 ? u[(first - 1) * width + x] : 0.0f;
    float own = u[first * width + x];
#pragma unroll
    for (int step = 0; step < ROWS; ++step) {
        const int64_t y = first + step, at = y * width + x;
        if (y >= height) return;
        const float below = y + 1 < height ? u[at + width] : 0.0f;
        const bool within = y > 0 && y + 1 < height && x > 0 && x + 1 < width;
        out[at] = within ? 0.25f * (above + below + u[at - 1] + u[at + 1] - f[at]) : own;
        above = own;
        own = below;
    }
}
// EVOLVE-BLOCK-END
