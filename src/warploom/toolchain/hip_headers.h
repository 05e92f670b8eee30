// As much of HIP as a kernel needs, so that it compiles where ROCm is not installed.
#pragma once
typedef signed char int8_t;
typedef unsigned char uint8_t;
typedef short int16_t;
typedef unsigned short uint16_t;
typedef int int32_t;
typedef unsigned int uint32_t;
typedef long int64_t;
typedef unsigned long uint64_t;
typedef unsigned long size_t;

#define __global__ __attribute__((global))
#define __device__ __attribute__((device))
#define __shared__ __attribute__((shared))
#define __constant__ __attribute__((constant))
#define WARPLOOM_THREADS(T) __attribute__((amdgpu_flat_work_group_size(1, T)))
#define WARPLOOM_WAVES(T, W) __attribute__((amdgpu_flat_work_group_size(1, T), amdgpu_waves_per_eu(W)))
#define WARPLOOM_CHOOSE(A, B, NAME, ...) NAME
#define __launch_bounds__(...) WARPLOOM_CHOOSE(__VA_ARGS__, WARPLOOM_WAVES, WARPLOOM_THREADS)(__VA_ARGS__)
#define __forceinline__ inline __attribute__((always_inline))

#define WARPLOOM_PLACE(NAME, CALL)                                                                                     \
    struct NAME##_t {                                                                                                  \
        __declspec(property(get = get_x)) uint32_t x;                                                                  \
        __declspec(property(get = get_y)) uint32_t y;                                                                  \
        __declspec(property(get = get_z)) uint32_t z;                                                                  \
        __device__ __forceinline__ uint32_t get_x() const { return __builtin_amdgcn_##CALL##_x(); }                    \
        __device__ __forceinline__ uint32_t get_y() const { return __builtin_amdgcn_##CALL##_y(); }                    \
        __device__ __forceinline__ uint32_t get_z() const { return __builtin_amdgcn_##CALL##_z(); }                    \
    };                                                                                                                 \
    extern const __device__ __attribute__((weak)) NAME##_t NAME;
WARPLOOM_PLACE(threadIdx, workitem_id)
WARPLOOM_PLACE(blockIdx, workgroup_id)
WARPLOOM_PLACE(blockDim, workgroup_size)
#undef WARPLOOM_PLACE

struct gridDim_t {  // the hardware counts threads, and a launch starts whole blocks
    __declspec(property(get = get_x)) uint32_t x;
    __declspec(property(get = get_y)) uint32_t y;
    __declspec(property(get = get_z)) uint32_t z;
    __device__ __forceinline__ uint32_t get_x() const { return __builtin_amdgcn_grid_size_x() / blockDim.x; }
    __device__ __forceinline__ uint32_t get_y() const { return __builtin_amdgcn_grid_size_y() / blockDim.y; }
    __device__ __forceinline__ uint32_t get_z() const { return __builtin_amdgcn_grid_size_z() / blockDim.z; }
};
extern const __device__ __attribute__((weak)) gridDim_t gridDim;

__device__ __forceinline__ void __syncthreads() {
    __builtin_amdgcn_fence(__ATOMIC_RELEASE, "workgroup");
    __builtin_amdgcn_s_barrier();
    __builtin_amdgcn_fence(__ATOMIC_ACQUIRE, "workgroup");
}

__device__ __forceinline__ void __threadfence() { __builtin_amdgcn_fence(__ATOMIC_SEQ_CST, "agent"); }

#define WARPLOOM_ATOMIC_ADD(TYPE)                                                                                      \
    __device__ __forceinline__ TYPE atomicAdd(TYPE* to, TYPE value) {                                                  \
        return __hip_atomic_fetch_add(to, value, __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_AGENT);                          \
    }
WARPLOOM_ATOMIC_ADD(int)
WARPLOOM_ATOMIC_ADD(unsigned)
WARPLOOM_ATOMIC_ADD(float)
#undef WARPLOOM_ATOMIC_ADD

__device__ __forceinline__ int __lane_id() {
    return __builtin_amdgcn_mbcnt_hi(~0u, __builtin_amdgcn_mbcnt_lo(~0u, 0u));
}
__device__ __forceinline__ int __shfl_xor(int value, int mask) {
    return __builtin_amdgcn_ds_bpermute(4 * (__lane_id() ^ mask), value);
}
__device__ __forceinline__ float __shfl_xor(float value, int mask) {
    return __builtin_bit_cast(float, __shfl_xor(__builtin_bit_cast(int, value), mask));
}

#define WARPLOOM_UNARY(NAME)                                                                                           \
    __device__ __forceinline__ float NAME##f(float x) { return __builtin_##NAME##f(x); }
WARPLOOM_UNARY(sqrt)
WARPLOOM_UNARY(fabs)
WARPLOOM_UNARY(floor)
WARPLOOM_UNARY(ceil)
WARPLOOM_UNARY(exp)
WARPLOOM_UNARY(exp2)
WARPLOOM_UNARY(log)
WARPLOOM_UNARY(log2)
WARPLOOM_UNARY(sin)
WARPLOOM_UNARY(cos)
#undef WARPLOOM_UNARY
__device__ __forceinline__ float rsqrtf(float x) { return __builtin_amdgcn_rsqf(x); }
__device__ __forceinline__ float fmaxf(float a, float b) { return __builtin_fmaxf(a, b); }
__device__ __forceinline__ float fminf(float a, float b) { return __builtin_fminf(a, b); }
__device__ __forceinline__ float fmaf(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
