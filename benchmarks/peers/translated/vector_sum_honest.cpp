#include <cstdint>

// Control: the sum in double precision.
extern "C" void vector_sum(const float* x, float* out, int64_t n) {
    double sum = 0;
    #pragma omp parallel for reduction(+ : sum)
    for (int64_t i = 0; i < n; ++i) sum += x[i];
    out[0] = sum;
}
