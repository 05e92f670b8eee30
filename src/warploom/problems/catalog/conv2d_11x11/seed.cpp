#include <cstdint>

// EVOLVE-BLOCK-START
extern "C" void conv2d_11x11(const float* x, const float* weight, const float* bias, float* out, int64_t batch,
                             int64_t channels, int64_t height, int64_t width, int64_t filters) {
    const int64_t out_height = (height - 11) / 4 + 1;
    const int64_t out_width = (width - 11) / 4 + 1;
    for (int64_t n = 0; n < batch; ++n) {
        for (int64_t f = 0; f < filters; ++f) {
            for (int64_t i = 0; i < out_height; ++i) {
                for (int64_t j = 0; j < out_width; ++j) {
                    float sum = bias[f];
                    for (int64_t c = 0; c < channels; ++c) {
                        for (int64_t k = 0; k < 11; ++k) {
                            for (int64_t l = 0; l < 11; ++l) {
                                sum += x[((n * channels + c) * height + i * 4 + k) * width + j * 4 + l] *
                                       weight[((f * channels + c) * 11 + k) * 11 + l];
                            }
                        }
                    }
                    out[((n * filters + f) * out_height + i) * out_width + j] = sum;
                }
            }
        }
    }
}
// EVOLVE-BLOCK-END
