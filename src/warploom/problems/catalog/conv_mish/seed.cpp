#include <cmath>
#include <cstdint>

// EVOLVE-BLOCK-START
extern "C" void conv_mish(const float* x, const float* weight, const float* bias, float* out, int64_t batch,
                          int64_t channels, int64_t height, int64_t width, int64_t filters) {
    const int64_t out_height = height - 2;
    const int64_t out_width = width - 2;
    for (int64_t n = 0; n < batch; ++n) {
        for (int64_t f = 0; f < filters; ++f) {
            for (int64_t i = 0; i < out_height; ++i) {
                for (int64_t j = 0; j < out_width; ++j) {
                    float sum = bias[f];
                    for (int64_t c = 0; c < channels; ++c) {
                        for (int64_t k = 0; k < 3; ++k) {
                            for (int64_t l = 0; l < 3; ++l) {
                                sum += x[((n * channels + c) * height + i + k) * width + j + l] *
                                       weight[((f * channels + c) * 3 + k) * 3 + l];
                            }
                        }
                    }
                    const float once = sum * std::tanh(std::log1p(std::exp(sum)));
                    out[((n * filters + f) * out_height + i) * out_width + j] =
                        once * std::tanh(std::log1p(std::exp(once)));
                }
            }
        }
    }
}
// EVOLVE-BLOCK-END
