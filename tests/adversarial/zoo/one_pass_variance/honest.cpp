#include <math.h>
// One pass too, but of double sums.
extern "C" void rectified_norm(const float* x, float* out, int64_t rows, int64_t cols) {
    for (int64_t i = 0; i < rows; ++i) {
        double sum = 0.0, squares = 0.0;
        for (int64_t j = 0; j < cols; ++j) {
            sum += x[i * cols + j];
            squares += static_cast<double>(x[i * cols + j]) * x[i * cols + j];
        }
        const double mean = sum / cols, scale = 1.0 / sqrt(squares / cols - mean * mean + 1e-5);
        for (int64_t j = 0; j < cols; ++j) {
            const float value = static_cast<float>((x[i * cols + j] - mean) * scale);
            out[i * cols + j] = value < 0.0f ? 0.0f : value;
        }
    }
}
