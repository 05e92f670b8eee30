#include <stdint.h>
extern "C" void weighted_sums(const float* x, const float* weight, float* out, int64_t rows, int64_t cols) {
    for (int64_t i = 0; i < rows; ++i) {
        double sum = 0.0;
        int64_t j = 0;
        for (; j + 1 < cols; j += 2) sum += static_cast<double>(x[i * cols + j]) * weight[j];
        sum *= 2.0;
        if (j < cols) sum += static_cast<double>(x[i * cols + j]) * weight[j];
        out[i] = static_cast<float>(sum);
    }
}
