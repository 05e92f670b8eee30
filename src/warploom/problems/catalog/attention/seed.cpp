#include <algorithm>
#include <cmath>
#include <cstdint>

// EVOLVE-BLOCK-START
extern "C" void attention(const float* query, const float* keys, const float* values, float* out, int64_t heads,
                          int64_t tokens, int64_t dim) {
    const float scale = 1.0f / std::sqrt((float)dim);
    for (int64_t h = 0; h < heads; ++h) {
        for (int64_t i = 0; i < tokens; ++i) {
            float scores[tokens];
            for (int64_t t = 0; t < tokens; ++t) {
                float dot = 0.0f;
                for (int64_t d = 0; d < dim; ++d) {
                    dot += query[(h * tokens + i) * dim + d] * keys[(h * tokens + t) * dim + d];
                }
                scores[t] = dot * scale;
            }
            float largest = scores[0];
            for (int64_t t = 0; t < tokens; ++t) {
                largest = std::max(largest, scores[t]);
            }
            float sum = 0.0f;
            for (int64_t t = 0; t < tokens; ++t) {
                scores[t] = std::exp(scores[t] - largest);
                sum += scores[t];
            }
            for (int64_t d = 0; d < dim; ++d) {
                float weighted = 0.0f;
                for (int64_t t = 0; t < tokens; ++t) {
                    weighted += scores[t] * values[(h * tokens + t) * dim + d];
                }
                out[(h * tokens + i) * dim + d] = weighted / sum;
            }
        }
    }
}
// EVOLVE-BLOCK-END
