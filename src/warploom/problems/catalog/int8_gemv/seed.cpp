#include <cstdint>

// EVOLVE-BLOCK-START
extern "C" void int8_gemv(const int8_t* weight, const float* scale, const float* x, float* out, int64_t rows,
                          int64_t cols) {
    for (int64_t i = 0; i < rows; ++i) {
        float sum = 0.0f;
        for (int64_t j = 0; j < cols; ++j) {
            sum += (float)weight[i * cols + j] * x[j];
        }
        out[i] = sum * scale[i];
    }
}
// EVOLVE-BLOCK-END
