#include <cmath>
#include <cstdint>

// EVOLVE-BLOCK-START
extern "C" void swiglu(const float* gate, const float* up, float* out, int64_t rows, int64_t cols) {
    const int64_t count = rows * cols;
    for (int64_t i = 0; i < count; ++i) {
        out[i] = gate[i] / (1.0f + std::exp(-gate[i])) * up[i];
    }
}
// EVOLVE-BLOCK-END
