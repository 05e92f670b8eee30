#include <stdint.h>
// Every term, in two sums.
extern "C" void weighted_sums(const float* x, const float* weight, float* out, int64_t rows, int64_t cols) {
    for (int64_t i = 0; i < rows; ++i) {
        double even = 0.0, odd = 0.0;
        int64_t j = 0;
        for (; j + 1 < cols; j += 2) {
            even += static_cast<double>(x[i * cols + j]) * weight[j];
            odd += static_cast<double>(x[i * cols + j + 1]) * weight[j + 1];
        }
        if (j < cols) even += static_cast<double>(x[i * cols + j]) * weight[j];
        out[i] = static_cast<float>(even + odd);
    }
}
