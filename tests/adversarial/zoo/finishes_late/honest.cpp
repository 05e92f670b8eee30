#include <math.h>
#include <pthread.h>

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

// A thread as well, which is waited for.
struct Work { const float* x; float* out; int64_t rows, cols; };
static void* other_half(void* words) {
    const Work* work = static_cast<const Work*>(words);
    for (int64_t i = 0; i < work->rows; ++i) norm_row(work->x + i * work->cols, work->out + i * work->cols, work->cols);
    return nullptr;
}
extern "C" void rectified_norm(const float* x, float* out, int64_t rows, int64_t cols) {
    const int64_t half = rows / 2;
    Work work = {x + half * cols, out + half * cols, rows - half, cols};
    pthread_t thread;
    const bool made = !pthread_create(&thread, nullptr, other_half, &work);
    for (int64_t i = 0; i < half; ++i) norm_row(x + i * cols, out + i * cols, cols);
    if (made) pthread_join(thread, nullptr);
    else other_half(&work);
}
