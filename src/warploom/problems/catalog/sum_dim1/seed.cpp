#include <cstdint>

// EVOLVE-BLOCK-START
extern "C" void sum_dim1(const float* x, float* out, int64_t batch, int64_t terms, int64_t cols) {
    for (int64_t b = 0; b < batch; ++b) {
        for (int64_t j = 0; j < cols; ++j) {
            float sum = 0.0f;
            for (int64_t t = 0; t < terms; ++t) {
                sum += x[(b * terms + t) * cols + j];
            }
            out[b * cols + j] = sum;
        }
    }
}
// EVOLVE-BLOCK-END
