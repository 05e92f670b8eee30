// A work-item computes CHUNK neighbours.
TUNE(CHUNK, 1024, 64, 256, 1024, 4096, 16384)
TUNE(GROUP, 4, 1, 2, 4, 8, 16)
LAUNCH(grid=(rows * cols + CHUNK * GROUP - 1) // (CHUNK * GROUP), block=GROUP)

__kernel void gelu_tanh(__global const float* x, __global float* out, long rows, long cols) {
    const long first = get_global_id(0) * CHUNK;
    const long last = min(first + CHUNK, rows * cols);
    for (long i = first; i < last; ++i) {
        const float value = x[i];
        const float inner = 0.7978845608f * (value + 0.044715f * value * value * value);
        // PoCL's tanh(-INFINITY) is not quite -1.
        const float bent = 1.0f - 2.0f / (exp(2.0f * inner) + 1.0f);
        out[i] = 0.5f * value * (1.0f + bent);
    }
}
