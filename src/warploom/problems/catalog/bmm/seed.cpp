#include <cstdint>

// EVOLVE-BLOCK-START
extern "C" void bmm(const float* a, const float* b, float* out, int64_t batch, int64_t rows, int64_t inner,
                    int64_t cols) {
    for (int64_t n = 0; n < batch; ++n) {
        for (int64_t i = 0; i < rows; ++i) {
            for (int64_t j = 0; j < cols; ++j) {
                float sum = 0.0f;
                for (int64_t k = 0; k < inner; ++k) {
                    sum += a[(n * rows + i) * inner + k] * b[(n * inner + k) * cols + j];
                }
                out[(n * rows + i) * cols + j] = sum;
            }
        }
    }
}
// EVOLVE-BLOCK-END
