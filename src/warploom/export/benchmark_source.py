"""The C++ program that times an exported kernel; marks between ``@`` are replaced."""

TEXT = r"""// Times the kernel on the shapes of its table: its own time alone, in buffers that are there already.
#include "@header@"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

struct Kind {
    const char* dtype;
    int64_t bytes;
    double scale;
};

struct Shape {
    const char* name;
    int64_t axes[@axes@ + 1], elements[@tensors@], low[@tensors@], high[@tensors@];
};

static const Kind kinds[] = {
@kinds@
};

static const Shape shapes[] = {
@shapes@
};

static void fill(char* at, const Kind& kind, int64_t elements, int64_t low, int64_t high, std::mt19937_64& random) {
    std::normal_distribution<double> normal(0.0, kind.scale);
    for (int64_t i = 0; i < elements; ++i) {
        if (!std::strcmp(kind.dtype, "float32")) {
            reinterpret_cast<float*>(at)[i] = float(normal(random));
        } else if (!std::strcmp(kind.dtype, "float64")) {
            reinterpret_cast<double*>(at)[i] = normal(random);
        } else if (!std::strcmp(kind.dtype, "bfloat16")) {
            const float value = float(normal(random));
            std::memcpy(at + 2 * i, reinterpret_cast<const char*>(&value) + 2, 2);
        } else if (!std::strcmp(kind.dtype, "float16")) {
            reinterpret_cast<uint16_t*>(at)[i] = uint16_t(0x3800 + random() % 0x400);  // from 0.5 to 1
        } else {
            const int64_t value = low + int64_t(random() % uint64_t(high - low + 1));
            std::memcpy(at + kind.bytes * i, &value, size_t(kind.bytes));  // little end first
        }
    }
}

int main() {
    std::mt19937_64 random(1);
    for (const Shape& shape : shapes) {
        void* tensors[@tensors@];
        double moved = 0;
        for (int i = 0; i < @tensors@; ++i) {
            const int64_t bytes = shape.elements[i] * kinds[i].bytes;
            tensors[i] = std::aligned_alloc(64, size_t((bytes + 63) / 64 * 64));
            if (!tensors[i]) return std::fprintf(stderr, "no memory for %s\n", shape.name), 1;
            std::memset(tensors[i], 0, size_t(bytes));
            moved += double(bytes);
            if (i < @inputs@) {
                fill(static_cast<char*>(tensors[i]), kinds[i], shape.elements[i], shape.low[i], shape.high[i], random);
            }
        }
        std::vector<double> times;
        double total = 0;
        while (times.size() < 5 || (total < 0.5e9 && times.size() < 1000)) {
            const auto begin = std::chrono::steady_clock::now();
            @call@;
            const auto end = std::chrono::steady_clock::now();
            times.push_back(std::chrono::duration<double, std::nano>(end - begin).count());
            total += times.back();
        }
        std::sort(times.begin(), times.end());
        const double middle = times[times.size() / 2];
        std::printf("%s: %.4g ms, %.3g GB/s, median of %zu\n", shape.name, middle / 1e6, moved / middle, times.size());
        for (void* tensor : tensors) std::free(tensor);
    }
}
"""
