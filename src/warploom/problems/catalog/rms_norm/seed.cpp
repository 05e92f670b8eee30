#include <cmath>
#include <cstdint>

// EVOLVE-BLOCK-START
extern "C" void rms_norm(const float* x, float* out, int64_t batch, int64_t channels, int64_t height, int64_t width) {
    const int64_t pixels = height * width;
    for (int64_t b = 0; b < batch; ++b) {
        for (int64_t p = 0; p < pixels; ++p) {
            float sum = 0.0f;
            for (int64_t c = 0; c < channels; ++c) {
                sum += x[(b * channels + c) * pixels + p] * x[(b * channels + c) * pixels + p];
            }
            const float rms = std::sqrt(sum / channels + 1e-5f);
            for (int64_t c = 0; c < channels; ++c) {
                out[(b * channels + c) * pixels + p] = x[(b * channels + c) * pixels + p] / rms;
            }
        }
    }
}
// EVOLVE-BLOCK-END
