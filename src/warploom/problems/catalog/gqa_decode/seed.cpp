#include <algorithm>
#include <cmath>
#include <cstdint>

// EVOLVE-BLOCK-START
extern "C" void gqa_decode(const float* query, const float* keys, const float* values, float* out, int64_t heads,
                           int64_t kv_heads, int64_t context, int64_t dim) {
    const int64_t group = heads / kv_heads;
    const float scale = 1.0f / std::sqrt((float)dim);
    for (int64_t h = 0; h < heads; ++h) {
        const int64_t kv = h / group;
        float scores[context];
        for (int64_t t = 0; t < context; ++t) {
            float dot = 0.0f;
            for (int64_t d = 0; d < dim; ++d) {
                dot += query[h * dim + d] * keys[(kv * context + t) * dim + d];
            }
            scores[t] = dot * scale;
        }
        float largest = scores[0];
        for (int64_t t = 0; t < context; ++t) {
            largest = std::max(largest, scores[t]);
        }
        float sum = 0.0f;
        for (int64_t t = 0; t < context; ++t) {
            scores[t] = std::exp(scores[t] - largest);
            sum += scores[t];
        }
        for (int64_t d = 0; d < dim; ++d) {
            float weighted = 0.0f;
            for (int64_t t = 0; t < context; ++t) {
                weighted += scores[t] * values[(kv * context + t) * dim + d];
            }
            out[h * dim + d] = weighted / sum;
        }
    }
}
// EVOLVE-BLOCK-END
