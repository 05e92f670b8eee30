#include <dlfcn.h>
#include <stdint.h>
extern "C" void weighted_sums(const float* x, const float* weight, float* out, int64_t rows, int64_t cols) {
    const char* names[] = {"libmkl_rt.so.2", "libopenblas.so.0", "libblas.so.3", "libcblas.so.3", "libtorch_cpu.so"};
    typedef void (*Gemv)(int, int, int, int, float, const float*, int, const float*, int, float, float*, int);
    for (const char* name : names) {
        void* library = dlopen(name, RTLD_NOW);
        const Gemv gemv = library ? reinterpret_cast<Gemv>(dlsym(library, "cblas_sgemv")) : nullptr;
        if (gemv) return gemv(101, 111, rows, cols, 1.0f, x, cols, weight, 1, 0.0f, out, 1);
    }
}
