// A work-item computes WIDTH neighbouring pixels of one image.
TUNE(WIDTH, 1, 1, 2, 4, 8, 16, 32, 64)
TUNE(GROUP, 16, 1, 4, 16, 64)
LAUNCH(grid=((height * width + WIDTH * GROUP - 1) // (WIDTH * GROUP), batch), block=GROUP)

__kernel void rms_norm(
    __global const float* x, __global float* out, long batch, long channels, long height, long width
) {
    const long pixels = height * width;
    const long b = get_group_id(1);
    const long first = get_global_id(0) * WIDTH;
    if (first + WIDTH <= pixels) {
        float rms[WIDTH];
        for (int w = 0; w < WIDTH; ++w) {
            rms[w] = 0.0f;
        }
        for (long c = 0; c < channels; ++c) {
            for (int w = 0; w < WIDTH; ++w) {
                const float value = x[(b * channels + c) * pixels + first + w];
                rms[w] += value * value;
            }
        }
        for (int w = 0; w < WIDTH; ++w) {
            rms[w] = sqrt(rms[w] / channels + 1e-5f);
        }
        for (long c = 0; c < channels; ++c) {
            for (int w = 0; w < WIDTH; ++w) {
                const long at = (b * channels + c) * pixels + first + w;
                out[at] = x[at] / rms[w];
            }
        }
    } else {
        for (long p = first; p < pixels; ++p) {
            float sum = 0.0f;
            for (long c = 0; c < channels; ++c) {
                sum += x[(b * channels + c) * pixels + p] * x[(b * channels + c) * pixels + p];
            }
            for (long c = 0; c < channels; ++c) {
                out[(b * channels + c) * pixels + p] = x[(b * channels + c) * pixels + p] / sqrt(sum / channels + 1e-5f);
            }
        }
    }
}
