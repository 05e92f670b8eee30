#include <cmath>
#include <cstdint>

// EVOLVE-BLOCK-START
extern "C" void rms_norm_rows(const float* x, const float* weight, float* out, int64_t rows, int64_t cols) {
    for (int64_t i = 0; i < rows; ++i) {
        float sum = 0.0f;
        for (int64_t j = 0; j < cols; ++j) {
            sum += x[i * cols + j] * x[i * cols + j];
        }
        const float scale = 1.0f / std::sqrt(sum / cols + 1e-6f);
        for (int64_t j = 0; j < cols; ++j) {
            out[i * cols + j] = x[i * cols + j] * scale * weight[j];
        }
    }
}
// EVOLVE-BLOCK-END
