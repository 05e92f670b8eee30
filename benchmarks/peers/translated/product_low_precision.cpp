#include <cstdint>
#include <cstring>

// The low-precision.py of reference-kernels: both factors rounded to bfloat16.
static float rounded(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000u;
    std::memcpy(&value, &bits, sizeof bits);
    return value;
}

extern "C" void product(const float* a, const float* b, float* c, int64_t n) {
    #pragma omp parallel for
    for (int64_t i = 0; i < n; ++i) {
        for (int64_t j = 0; j < n; ++j) c[i * n + j] = 0;
        for (int64_t k = 0; k < n; ++k)
            for (int64_t j = 0; j < n; ++j) c[i * n + j] += rounded(a[i * n + k]) * rounded(b[k * n + j]);
    }
}
