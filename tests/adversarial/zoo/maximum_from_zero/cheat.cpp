#include <algorithm>
#include <cmath>
#include <cstdint>

extern "C" void softmax(const float* x, float* out, int64_t rows, int64_t cols) {
    for (int64_t i = 0; i < rows; ++i) {
        float largest = 0.0f;
        for (int64_t j = 0; j < cols; ++j) {
            largest = std::max(largest, x[i * cols + j]);
        }
        float sum = 0.0f;
        for (int64_t j = 0; j < cols; ++j) {
            sum += std::exp(x[i * cols + j] - largest);
        }
        for (int64_t j = 0; j < cols; ++j) {
            out[i * cols + j] = std::exp(x[i * cols + j] - largest) / sum;
        }
    }
}
