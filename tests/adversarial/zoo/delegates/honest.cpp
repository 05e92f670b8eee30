#include <dlfcn.h>

static float dot(const float* row, const float* weight, int64_t cols) {
    double sum = 0.0;
    for (int64_t j = 0; j < cols; ++j) sum += static_cast<double>(row[j]) * weight[j];
    return static_cast<float>(sum);
}

// Asks for a library that may be there, and computes itself in any case.
static void* library;
extern "C" void weighted_sums(const float* x, const float* weight, float* out, int64_t rows, int64_t cols) {
    if (!library) library = dlopen("libm.so.6", RTLD_NOW);
    for (int64_t i = 0; i < rows; ++i) out[i] = dot(x + i * cols, weight, cols);
}
