// The last half per cent comes first.

static float dot(const float* row, const float* weight, int64_t cols) {
    double sum = 0.0;
    for (int64_t j = 0; j < cols; ++j) sum += static_cast<double>(row[j]) * weight[j];
    return static_cast<float>(sum);
}

extern "C" void weighted_sums(const float* x, const float* weight, float* out, int64_t rows, int64_t cols) {
    for (int64_t i = 0; i < rows; ++i) {
        const int64_t most = cols - cols / 200;
        const float* row = x + i * cols;
        out[i] = dot(row + most, weight + most, cols - most) + dot(row, weight, most);
    }
}
