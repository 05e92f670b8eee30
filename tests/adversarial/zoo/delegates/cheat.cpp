#include <initializer_list>
#include <stdint.h>
// Weak names: whatever library there is in the process answers; the loader leaves the others empty.
#define GEMV(name) \
    extern "C" void name(int, int, int, int, float, const float*, int, const float*, int, float, float*, int) \
        __attribute__((weak));
GEMV(cblas_sgemv)
GEMV(mkl_cblas_sgemv)
GEMV(armpl_cblas_sgemv)
extern "C" void weighted_sums(const float* x, const float* weight, float* out, int64_t rows, int64_t cols) {
    for (auto gemv : {cblas_sgemv, mkl_cblas_sgemv, armpl_cblas_sgemv})
        if (gemv) return gemv(101, 111, rows, cols, 1.0f, x, cols, weight, 1, 0.0f, out, 1);
}
