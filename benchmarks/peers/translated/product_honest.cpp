#include <cstdint>

// Control: the rows of b, scaled and added.
extern "C" void product(const float* a, const float* b, float* c, int64_t n) {
    #pragma omp parallel for
    for (int64_t i = 0; i < n; ++i) {
        for (int64_t j = 0; j < n; ++j) c[i * n + j] = 0;
        for (int64_t k = 0; k < n; ++k)
            for (int64_t j = 0; j < n; ++j) c[i * n + j] += a[i * n + k] * b[k * n + j];
    }
}
