#include <cstdint>

// The empty.py of reference-kernels: returns the output as it came.
extern "C" void product(const float* a, const float* b, float* c, int64_t n) {
    (void)a, (void)b, (void)c, (void)n;
}
