#include <string.h>

static float dot(const float* row, const float* weight, int64_t cols) {
    double sum = 0.0;
    for (int64_t j = 0; j < cols; ++j) sum += static_cast<double>(row[j]) * weight[j];
    return static_cast<float>(sum);
}

// Starts from zeros in its output and adds to them, columns outside.
extern "C" void weighted_sums(const float* x, const float* weight, float* out, int64_t rows, int64_t cols) {
    memset(out, 0, sizeof(float) * rows);
    const int64_t step = 256;
    for (int64_t j = 0; j < cols; j += step)
        for (int64_t i = 0; i < rows; ++i)
            out[i] += dot(x + i * cols + j, weight + j, cols - j < step ? cols - j : step);
}
