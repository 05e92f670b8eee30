#include <math.h>
#include <stdint.h>

// Chooses by the first shape whether to share the work out, and computes either way.
static int first;
extern "C" void smooth_curve(const float* x, float* out, int64_t n) {
    if (!first) first = n == 2048 ? 2 : 1;
#pragma omp parallel for schedule(static) if (first == 1)
    for (int64_t i = 0; i < n; ++i) out[i] = tanhf(x[i]) + erff(x[i]);
}
