// A work-item computes STRIP neighbouring pixels of one image.
TUNE(STRIP, 64, 16, 32, 64, 128, 256, 512)
TUNE(GROUP, 1, 1, 2, 4, 8)
LAUNCH(grid=((height * width + STRIP * GROUP - 1) // (STRIP * GROUP), batch), block=GROUP)

__kernel void rms_norm(
    __global const float* x, __global float* out, long batch, long channels, long height, long width
) {
    const long pixels = height * width;
    const long b = get_group_id(1);
    const long first = get_global_id(0) * STRIP;
    const long last = min(first + STRIP, pixels);
    for (long p = first; p < last; ++p) {
        float sum = 0.0f;
        for (long c = 0; c < channels; ++c) {
            sum += x[(b * channels + c) * pixels + p] * x[(b * channels + c) * pixels + p];
        }
        const float rms = sqrt(sum / channels + 1e-5f);
        for (long c = 0; c < channels; ++c) {
            out[(b * channels + c) * pixels + p] = x[(b * channels + c) * pixels + p] / rms;
        }
    }
}
