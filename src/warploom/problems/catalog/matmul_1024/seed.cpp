#include <cstdint>

// EVOLVE-BLOCK-START
extern "C" void matmul_1024(const float* a, const float* b, float* out, int64_t rows, int64_t inner, int64_t cols) {
    for (int64_t i = 0; i < rows; ++i) {
        for (int64_t j = 0; j < cols; ++j) {
            float sum = 0.0f;
            for (int64_t k = 0; k < inner; ++k) {
                sum += a[i * inner + k] * b[k * cols + j];
            }
            out[i * cols + j] = sum;
        }
    }
}
// EVOLVE-BLOCK-END
