// CUDA seeds on the CPU: every thread of a block is a fiber, blocks run one after another. For small shapes.
//
// A barrier hands over to the next fiber until all that still run have arrived. Matrix fragments are whole 16 x 16 tiles
// that the first lane of a warp holds. What a compiler for GPUs refuses, or a race between threads, is not seen here.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <ucontext.h>

#include <algorithm>
#include <array>
#include <vector>

#define __global__
#define __device__
#define __host__
#define __shared__ static
#define __forceinline__ inline
#define __align__(bytes) __attribute__((aligned(bytes)))
#define __launch_bounds__(...)

struct uint4 {
    unsigned x, y, z, w;
};
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

struct Place {
    unsigned x, y, z;
};
static Place threadIdx, blockIdx, gridDim;

struct __half {
    uint16_t bits;
};
struct __nv_bfloat16 {
    uint16_t bits;
};
inline __half __ushort_as_half(unsigned short bits) { return {bits}; }
inline float __half2float(__half value) {
    _Float16 number;
    memcpy(&number, &value, 2);
    return (float)number;
}
inline __half __float2half(float value) {
    const _Float16 number = (_Float16)value;
    __half made;
    memcpy(&made, &number, 2);
    return made;
}
inline float __bfloat162float(__nv_bfloat16 value) {
    const uint32_t bits = (uint32_t)value.bits << 16;
    float number;
    memcpy(&number, &bits, 4);
    return number;
}
inline __nv_bfloat16 __float2bfloat16(float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    if (value != value) return {0x7fff};
    return {(uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16)};
}
inline float __expf(float value) { return expf(value); }
inline float rsqrtf(float value) { return 1.0f / sqrtf(value); }

namespace fibers {

struct Group {
    int alive = 0, arrived = 0;
    long generation = 0;
};
struct Fiber {
    ucontext_t context;
    std::vector<char> stack;
    Place place;
    int number;
    bool done;
};
static std::vector<Fiber> all;
static std::vector<Group> warps;
static Group block;
static ucontext_t scheduler;
static Fiber* current;
static void (*body)();
static uint64_t words[64][32];

inline void yield() { swapcontext(&current->context, &scheduler); }
inline void release(Group& group) {
    if (group.arrived == group.alive) {
        group.arrived = 0;
        ++group.generation;
    }
}
inline void barrier(Group& group) {
    const long before = group.generation;
    ++group.arrived;
    release(group);
    while (group.generation == before) yield();
}
inline Group& warp() { return warps[current->number / 32]; }
inline int lane() { return current->number % 32; }
inline void enter() {
    body();
    Group& own = warp();
    current->done = true;
    --own.alive;
    release(own);
    --block.alive;
    release(block);
}
// All threads of one block.
inline void run(Place shape) {
    const int count = shape.x * shape.y * shape.z;
    if ((int)all.size() < count) all.resize(count);
    warps.assign((count + 31) / 32, {});
    block = {};
    block.alive = count;
    for (int number = 0; number < count; ++number) {
        Fiber& fiber = all[number];
        fiber.stack.resize(1 << 17);
        fiber.number = number;
        fiber.done = false;
        fiber.place = {number % shape.x, number / shape.x % shape.y, number / (shape.x * shape.y)};
        getcontext(&fiber.context);
        fiber.context.uc_stack.ss_sp = fiber.stack.data();
        fiber.context.uc_stack.ss_size = fiber.stack.size();
        fiber.context.uc_link = &scheduler;
        makecontext(&fiber.context, enter, 0);
        ++warps[number / 32].alive;
    }
    for (int left = count; left > 0;) {
        for (int number = 0; number < count; ++number) {
            if (all[number].done) continue;
            current = &all[number];
            threadIdx = current->place;
            swapcontext(&scheduler, &current->context);
            left -= current->done;
        }
    }
}

}  // namespace fibers

inline void __syncthreads() { fibers::barrier(fibers::block); }
inline void __threadfence() {}  // there is one thread, which does everything in order
inline unsigned atomicAdd(unsigned* to, unsigned value) {
    const unsigned before = *to;
    *to += value;
    return before;
}
inline void __syncwarp() { fibers::barrier(fibers::warp()); }

template <typename T>
T __shfl_xor_sync(unsigned, T value, int mask) {
    uint64_t* words = fibers::words[fibers::current->number / 32];
    memcpy(&words[fibers::lane()], &value, sizeof value);
    __syncwarp();
    T other;
    memcpy(&other, &words[fibers::lane() ^ mask], sizeof value);
    __syncwarp();
    return other;
}

// Which cache a number is read through or written through is all one here.
template <typename T>
T __ldg(const T* from) {
    return *from;
}
template <typename T>
T __ldcs(const T* from) {
    return *from;
}
template <typename T>
T __ldcg(const T* from) {
    return *from;
}
template <typename T, typename V>
void __stcs(T* to, V value) {
    *to = value;
}
template <typename T, typename V>
void __stcg(T* to, V value) {
    *to = value;
}

// Copies that are under way until they are waited for, each thread's own.
static std::vector<std::array<void*, 2>> under_way[1024];
inline void copy_async(void* to, const void* from) {
    under_way[fibers::current->number].push_back({to, const_cast<void*>(from)});
}
inline void copies_arrive() {
    for (auto& [to, from] : under_way[fibers::current->number]) memcpy(to, from, 16);
    under_way[fibers::current->number].clear();
}

inline float as_float(float value) { return value; }
inline float as_float(__half value) { return __half2float(value); }
inline float as_float(__nv_bfloat16 value) { return __bfloat162float(value); }

namespace nvcuda {
namespace wmma {

struct matrix_a;
struct matrix_b;
struct accumulator;
struct row_major;
struct col_major;
enum layout_t { mem_row_major };

template <typename Use, int M, int N, int K, typename T, typename Layout = row_major>
struct fragment {
    float tile[16][16];
};

template <typename Use, typename T>
void fill_fragment(fragment<Use, 16, 16, 16, T>& to, float value) {
    std::fill(&to.tile[0][0], &to.tile[0][0] + 256, value);
}
template <typename Fragment, typename T>
void copy(Fragment& to, const T* from, int stride, bool by_row) {
    __syncwarp();
    if (fibers::lane() != 0) return;
    for (int i = 0; i < 16; ++i) {
        for (int j = 0; j < 16; ++j) to.tile[i][j] = as_float(by_row ? from[i * stride + j] : from[j * stride + i]);
    }
}
template <typename Use, typename T>
void load_matrix_sync(fragment<Use, 16, 16, 16, T, row_major>& to, const T* from, int stride) {
    copy(to, from, stride, true);
}
template <typename Use, typename T>
void load_matrix_sync(fragment<Use, 16, 16, 16, T, col_major>& to, const T* from, int stride) {
    copy(to, from, stride, false);
}
template <typename T>
void load_matrix_sync(fragment<accumulator, 16, 16, 16, T>& to, const T* from, int stride, layout_t) {
    copy(to, from, stride, true);
}
template <typename T>
void store_matrix_sync(T* to, const fragment<accumulator, 16, 16, 16, T>& from, int stride, layout_t) {
    if (fibers::lane() == 0) {
        for (int i = 0; i < 16; ++i) {
            for (int j = 0; j < 16; ++j) to[i * stride + j] = from.tile[i][j];
        }
    }
    __syncwarp();
}
template <typename T, typename A, typename B, typename C, typename D>
void mma_sync(fragment<accumulator, 16, 16, 16, T>& to, const fragment<matrix_a, 16, 16, 16, A, B>& left,
              const fragment<matrix_b, 16, 16, 16, C, D>& right, const fragment<accumulator, 16, 16, 16, T>& add) {
    if (fibers::lane() != 0) return;
    float made[16][16];
    std::copy(&add.tile[0][0], &add.tile[0][0] + 256, &made[0][0]);
    for (int i = 0; i < 16; ++i) {
        for (int k = 0; k < 16; ++k) {
            for (int j = 0; j < 16; ++j) made[i][j] += left.tile[i][k] * right.tile[k][j];
        }
    }
    std::copy(&made[0][0], &made[0][0] + 256, &to.tile[0][0]);
}

}  // namespace wmma
}  // namespace nvcuda

alignas(256) static unsigned char dynamic_shared[1 << 18];

// A launch: `body` is the kernel with its arguments.
inline void launch(void (*body)(), Place grid, Place shape) {
    fibers::body = body;
    gridDim = grid;
    for (unsigned z = 0; z < grid.z; ++z) {
        for (unsigned y = 0; y < grid.y; ++y) {
            for (unsigned x = 0; x < grid.x; ++x) {
                blockIdx = {x, y, z};
                fibers::run(shape);
            }
        }
    }
}
