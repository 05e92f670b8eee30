#include <math.h>
#include <stdint.h>
#include <string.h>
#include <vector>

// Computes in memory of its own and copies the answer out at the end of the call.
static std::vector<float> scratch;
extern "C" void smooth_curve(const float* x, float* out, int64_t n) {
    scratch.resize(n);
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; ++i) scratch[i] = tanhf(x[i]) + erff(x[i]);
    memcpy(out, scratch.data(), n * sizeof(float));
}
