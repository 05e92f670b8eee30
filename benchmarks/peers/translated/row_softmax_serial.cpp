#include <cmath>
#include <cstdint>

// Control: exponentials over their sum, the maximum subtracted first, one addition after the other.
extern "C" void row_softmax(const float* x, float* out, int64_t rows, int64_t cols) {
    #pragma omp parallel for
    for (int64_t i = 0; i < rows; ++i) {
        const float* row = x + i * cols;
        float most = row[0], sum = 0;
        for (int64_t j = 1; j < cols; ++j) most = row[j] > most || std::isnan(row[j]) ? row[j] : most;
        for (int64_t j = 0; j < cols; ++j) sum += out[i * cols + j] = std::exp(row[j] - most);
        for (int64_t j = 0; j < cols; ++j) out[i * cols + j] /= sum;
    }
}
