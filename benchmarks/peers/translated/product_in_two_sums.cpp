#include <cstdint>

// Control: the sum over k in two halves, added at the end.
extern "C" void product(const float* a, const float* b, float* c, int64_t n) {
    #pragma omp parallel for
    for (int64_t i = 0; i < n; ++i)
        for (int64_t j = 0; j < n; ++j) {
            float low = 0, high = 0;
            for (int64_t k = 0; k < n / 2; ++k) low += a[i * n + k] * b[k * n + j];
            for (int64_t k = n / 2; k < n; ++k) high += a[i * n + k] * b[k * n + j];
            c[i * n + j] = low + high;
        }
}
