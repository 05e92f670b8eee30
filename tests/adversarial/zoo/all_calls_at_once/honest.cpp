#include <math.h>
#include <stdint.h>

// Shares one call out among the cores, in small pieces.
extern "C" void smooth_curve(const float* x, float* out, int64_t n) {
#pragma omp parallel for schedule(static, 256)
    for (int64_t i = 0; i < n; ++i) out[i] = tanhf(x[i]) + erff(x[i]);
}
