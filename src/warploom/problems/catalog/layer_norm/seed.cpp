#include <cmath>
#include <cstdint>

// EVOLVE-BLOCK-START
extern "C" void layer_norm(const float* x, const float* weight, const float* bias, float* out, int64_t batch,
                           int64_t channels, int64_t height, int64_t width) {
    const int64_t pixels = height * width;
    const int64_t count = channels * pixels;
    for (int64_t b = 0; b < batch; ++b) {
        // Summed channel by channel: one running float would lose digits over so many terms.
        float sum = 0.0f;
        for (int64_t c = 0; c < channels; ++c) {
            float part = 0.0f;
            for (int64_t p = 0; p < pixels; ++p) {
                part += x[b * count + c * pixels + p];
            }
            sum += part;
        }
        const float mean = sum / count;
        float squares = 0.0f;
        for (int64_t c = 0; c < channels; ++c) {
            float part = 0.0f;
            for (int64_t p = 0; p < pixels; ++p) {
                part += (x[b * count + c * pixels + p] - mean) * (x[b * count + c * pixels + p] - mean);
            }
            squares += part;
        }
        const float deviation = std::sqrt(squares / count + 1e-5f);
        for (int64_t i = 0; i < count; ++i) {
            out[b * count + i] = (x[b * count + i] - mean) / deviation * weight[i] + bias[i];
        }
    }
}
// EVOLVE-BLOCK-END
