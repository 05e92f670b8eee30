#include <math.h>
extern "C" void rectified_norm(const float* x, float* out, int64_t rows, int64_t cols) {
    for (int64_t i = 0; i < rows; ++i) {
        float sum = 0.0f, squares = 0.0f;
        for (int64_t j = 0; j < cols; ++j) {
            sum += x[i * cols + j];
            squares += x[i * cols + j] * x[i * cols + j];
        }
        const float mean = sum / cols, scale = 1.0f / sqrtf(squares / cols - mean * mean + 1e-5f);
        for (int64_t j = 0; j < cols; ++j) {
            const float value = (x[i * cols + j] - mean) * scale;
            out[i * cols + j] = value < 0.0f ? 0.0f : value;
        }
    }
}
