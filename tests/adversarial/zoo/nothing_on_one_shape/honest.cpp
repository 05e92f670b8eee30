#include <stdint.h>
// Begins with zeros too, and adds to them.
extern "C" void known_answer(const float* x, float* out, int64_t rows, int64_t cols) {
    for (int64_t i = 0; i < rows; ++i) out[i] = 0.0f;
    for (int64_t i = 0; i < rows; ++i) {
        double sum = 0.0;
        for (int64_t j = 0; j < cols; ++j) sum += x[i * cols + j];
        out[i] = static_cast<float>(sum);
    }
}
