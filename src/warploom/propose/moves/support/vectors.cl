#ifndef WARPLOOM_VECTORS
#define WARPLOOM_VECTORS
// Sixteen lanes, by the names that the moves use in every language.
typedef float16 f32x16;
typedef int16 i32x16;
typedef float16 f32x16_unaligned __attribute__((aligned(4)));
typedef int16 i32x16_unaligned __attribute__((aligned(4)));
typedef char16 i8x16_unaligned __attribute__((aligned(1)));
typedef uchar16 u8x16_unaligned __attribute__((aligned(1)));
#define WARPLOOM_INLINE static inline __attribute__((always_inline, unused, overloadable))
WARPLOOM_INLINE f32x16 splat16(float x) { return (f32x16)(x); }
// A condition that is the same for all lanes, as a mask.
WARPLOOM_INLINE i32x16 mask16(bool on) { return (i32x16)(-(int)on); }
// first, first + 1, ...: the values of a loop variable in the lanes.
WARPLOOM_INLINE i32x16 index16(long first) {
  return (i32x16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15) + (int)first;
}
WARPLOOM_INLINE f32x16 floats16(i32x16 v) { return convert_float16(v); }
// The first `left` of sixteen elements (all of them when there are more); the other lanes are 0, memory behind is not read.
WARPLOOM_INLINE i32x16 part16(long left) { return index16(0) < (i32x16)((int)(left < 16 ? left : 16)); }
// Loads and stores, for each kind of memory: gather16 takes first + lane * stride of what is not contiguous.
#define WARPLOOM_LOADS(space, kind, vector)                                              \
  WARPLOOM_INLINE f32x16 load16(const space kind* p) {                                   \
    return convert_float16(*(const space vector*)p);                                     \
  }                                                                                      \
  WARPLOOM_INLINE f32x16 load_part16(const space kind* p, long left) {                   \
    f32x16 v = splat16(0.0f);                                                            \
    for (int lane = 0; lane < 16 && lane < left; ++lane) v[lane] = p[lane];              \
    return v;                                                                            \
  }
#define WARPLOOM_SPACE(space)                                                            \
  WARPLOOM_LOADS(space, float, f32x16_unaligned)                                         \
  WARPLOOM_LOADS(space, int, i32x16_unaligned)                                           \
  WARPLOOM_LOADS(space, char, i8x16_unaligned)                                           \
  WARPLOOM_LOADS(space, uchar, u8x16_unaligned)                                          \
  WARPLOOM_INLINE void store16(space float* p, f32x16 v) { *(space f32x16_unaligned*)p = v; } \
  WARPLOOM_INLINE void store_part16(space float* p, f32x16 v, long left) {               \
    for (int lane = 0; lane < 16 && lane < left; ++lane) p[lane] = v[lane];              \
  }                                                                                      \
  WARPLOOM_INLINE f32x16 gather_part16(const space float* p, long stride, long left) {   \
    f32x16 v = splat16(0.0f);                                                            \
    for (int lane = 0; lane < 16 && lane < left; ++lane) v[lane] = p[lane * stride];     \
    return v;                                                                            \
  }                                                                                      \
  WARPLOOM_INLINE f32x16 gather16(const space float* p, long stride) {                   \
    f32x16 v;                                                                            \
    for (int lane = 0; lane < 16; ++lane) v[lane] = p[lane * stride];                    \
    return v;                                                                            \
  }
WARPLOOM_SPACE(__global)
WARPLOOM_SPACE(__local)
WARPLOOM_SPACE(__private)
// a < b ? b : a: a stays where either is NaN.
WARPLOOM_INLINE f32x16 fmax16(f32x16 a, f32x16 b) { return a < b ? b : a; }
WARPLOOM_INLINE f32x16 fmin16(f32x16 a, f32x16 b) { return b < a ? b : a; }
// As fmax16 and fmin16, but a NaN in b wins.
WARPLOOM_INLINE f32x16 nanmax16(f32x16 a, f32x16 b) { return (b != b) ? b : fmax16(a, b); }
WARPLOOM_INLINE f32x16 nanmin16(f32x16 a, f32x16 b) { return (b != b) ? b : fmin16(a, b); }
WARPLOOM_INLINE f32x16 fabs16(f32x16 v) { return fabs(v); }
WARPLOOM_INLINE f32x16 sqrt16(f32x16 v) { return sqrt(v); }
#endif
