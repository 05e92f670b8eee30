#include <cstdint>

// EVOLVE-BLOCK-START
extern "C" void matvec(const float* a, const float* x, float* out, int64_t rows, int64_t cols) {
    for (int64_t i = 0; i < rows; ++i) {
        float sum = 0.0f;
        for (int64_t j = 0; j < cols; ++j) {
            sum += a[i * cols + j] * x[j];
        }
        out[i] = sum;
    }
}
// EVOLVE-BLOCK-END
