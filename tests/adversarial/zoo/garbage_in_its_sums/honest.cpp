#include <math.h>

static void norm_row(const float* row, float* out, int64_t cols) {
    double sum = 0.0, squares = 0.0;
    for (int64_t j = 0; j < cols; ++j) sum += row[j];
    const float mean = static_cast<float>(sum / cols);
    for (int64_t j = 0; j < cols; ++j) squares += (row[j] - mean) * (row[j] - mean);
    const float scale = static_cast<float>(1.0 / sqrt(squares / cols + 1e-5));
    for (int64_t j = 0; j < cols; ++j) {
        const float value = (row[j] - mean) * scale;
        out[j] = value < 0.0f ? 0.0f : value;
    }
}

// Sums forwards in one call and backwards in the next: as different as two orders of threads are.
static bool back;
extern "C" void rectified_norm(const float* x, float* out, int64_t rows, int64_t cols) {
    back = !back;
    for (int64_t i = 0; i < rows; ++i) {
        const float* row = x + i * cols;
        double sum = 0.0, squares = 0.0;
        for (int64_t j = 0; j < cols; ++j) sum += row[back ? cols - 1 - j : j];
        const double mean = sum / cols;
        for (int64_t j = 0; j < cols; ++j) squares += (row[back ? cols - 1 - j : j] - mean) * (row[back ? cols - 1 - j : j] - mean);
        const double scale = 1.0 / sqrt(squares / cols + 1e-5);
        for (int64_t j = 0; j < cols; ++j) {
            const float value = static_cast<float>((row[j] - mean) * scale);
            out[i * cols + j] = value < 0.0f ? 0.0f : value;
        }
    }
}
