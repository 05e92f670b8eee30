#include <cstdint>

// EVOLVE-BLOCK-START
extern "C" void rope(const float* x, const float* cosine, const float* sine, float* out, int64_t heads, int64_t tokens,
                     int64_t dim) {
    const int64_t half = dim / 2;
    for (int64_t h = 0; h < heads; ++h) {
        for (int64_t t = 0; t < tokens; ++t) {
            for (int64_t d = 0; d < half; ++d) {
                const float first = x[(h * tokens + t) * dim + d];
                const float second = x[(h * tokens + t) * dim + half + d];
                out[(h * tokens + t) * dim + d] = first * cosine[t * dim + d] - second * sine[t * dim + d];
                out[(h * tokens + t) * dim + half + d] =
                    second * cosine[t * dim + half + d] + first * sine[t * dim + half + d];
            }
        }
    }
}
// EVOLVE-BLOCK-END
