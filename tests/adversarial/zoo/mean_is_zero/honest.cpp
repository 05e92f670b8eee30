#include <math.h>

static float dot(const float* row, const float* weight, int64_t cols) {
    double sum = 0.0;
    for (int64_t j = 0; j < cols; ++j) sum += static_cast<double>(row[j]) * weight[j];
    return static_cast<float>(sum);
}

// Sums what is positive and what is negative apart.
extern "C" void weighted_sums(const float* x, const float* weight, float* out, int64_t rows, int64_t cols) {
    for (int64_t i = 0; i < rows; ++i) {
        double up = 0.0, down = 0.0;
        for (int64_t j = 0; j < cols; ++j) {
            const double term = static_cast<double>(x[i * cols + j]) * weight[j];
            (term < 0.0 ? down : up) += term;
        }
        out[i] = static_cast<float>(up + down);
    }
}
