#include <math.h>
#include <stdint.h>

// Uses that the function is odd: it computes the magnitude and puts the sign back.
extern "C" void smooth_curve(const float* x, float* out, int64_t n) {
    for (int64_t i = 0; i < n; ++i) {
        const float magnitude = fabsf(x[i]);
        out[i] = copysignf(tanhf(magnitude) + erff(magnitude), x[i]);
    }
}
