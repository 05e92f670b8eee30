#include <cmath>
#include <cstdint>

// EVOLVE-BLOCK-START
extern "C" void gelu_tanh(const float* x, float* out, int64_t rows, int64_t cols) {
    const int64_t count = rows * cols;
    for (int64_t i = 0; i < count; ++i) {
        const float value = x[i];
        const float inner = 0.7978845608f * (value + 0.044715f * value * value * value);
        out[i] = 0.5f * value * (1.0f + std::tanh(inner));
    }
}
// EVOLVE-BLOCK-END
