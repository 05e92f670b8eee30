#include <cstdint>

// EVOLVE-BLOCK-START
extern "C" void cumsum(const float* x, float* out, int64_t rows, int64_t cols) {
    for (int64_t i = 0; i < rows; ++i) {
        float sum = 0.0f;
        for (int64_t j = 0; j < cols; ++j) {
            sum += x[i * cols + j];
            out[i * cols + j] = sum;
        }
    }
}
// EVOLVE-BLOCK-END
