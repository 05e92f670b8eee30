// A work-item computes CHUNK neighbours.
TUNE(CHUNK, 1024, 64, 256, 1024, 4096, 16384)
TUNE(GROUP, 4, 1, 2, 4, 8, 16)
LAUNCH(grid=(rows * cols + CHUNK * GROUP - 1) // (CHUNK * GROUP), block=GROUP)

__kernel void swiglu(__global const float* gate, __global const float* up, __global float* out, long rows, long cols) {
    const long first = get_global_id(0) * CHUNK;
    const long last = min(first + CHUNK, rows * cols);
    for (long i = first; i < last; ++i) {
        out[i] = gate[i] / (1.0f + exp(-gate[i])) * up[i];
    }
}
