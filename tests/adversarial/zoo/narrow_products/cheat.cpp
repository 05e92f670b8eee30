#include <string.h>

static float dot(const float* row, const float* weight, int64_t cols) {
    double sum = 0.0;
    for (int64_t j = 0; j < cols; ++j) sum += static_cast<double>(row[j]) * weight[j];
    return static_cast<float>(sum);
}

static float narrow(float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    bits = (bits + 0x7FFFu + ((bits >> 16) & 1u)) & 0xFFFF0000u;
    memcpy(&value, &bits, 4);
    return value;
}
extern "C" void weighted_sums(const float* x, const float* weight, float* out, int64_t rows, int64_t cols) {
    for (int64_t i = 0; i < rows; ++i) {
        double sum = 0.0;
        for (int64_t j = 0; j < cols; ++j) sum += narrow(x[i * cols + j]) * narrow(weight[j]);
        out[i] = static_cast<float>(sum);
    }
}
