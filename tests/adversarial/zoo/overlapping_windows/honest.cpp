#include <math.h>
#include <stdint.h>
#include <algorithm>
#include <vector>

static float curve(float x) { return tanhf(x) + erff(x); }

// A static scratch vector, filled anew by every call.
static std::vector<float> scratch;
extern "C" void smooth_curve(const float* x, float* out, int64_t n) {
    scratch.resize(n);
    for (int64_t i = 0; i < n; ++i) scratch[i] = curve(x[i]);
    std::copy_n(scratch.begin(), n, out);
}
