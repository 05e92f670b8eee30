#include <math.h>
#include <string.h>
extern "C" void rectified_norm(const float* x, float* out, int64_t rows, int64_t cols) {
    memset(out, 0, sizeof(float) * rows * cols);
}
