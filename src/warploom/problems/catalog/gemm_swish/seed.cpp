#include <algorithm>
#include <cmath>
#include <cstdint>

// EVOLVE-BLOCK-START
extern "C" void gemm_swish(const float* x, const float* weight, const float* bias, float* out, int64_t rows,
                           int64_t inner, int64_t cols) {
    for (int64_t i = 0; i < rows; ++i) {
        for (int64_t j = 0; j < cols; ++j) {
            float sum = bias[j];
            for (int64_t k = 0; k < inner; ++k) {
                sum += x[i * inner + k] * weight[j * inner + k];
            }
            const float swish = sum / (1.0f + std::exp(-sum)) / 2.0f;
            const float clamped = std::min(std::max(swish, -1.0f), 1.0f);
            const float bent = std::tanh(clamped);
            out[i * cols + j] = std::min(std::max(bent, -1.0f), 1.0f);
        }
    }
}
// EVOLVE-BLOCK-END
