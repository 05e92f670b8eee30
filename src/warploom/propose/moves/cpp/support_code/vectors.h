#ifndef WARPLOOM_VECTORS
#define WARPLOOM_VECTORS
// Sixteen lanes. g++ lowers them to what the machine has; AVX-512 holds one in a register.
typedef float f32x16 __attribute__((vector_size(64)));
typedef int i32x16 __attribute__((vector_size(64)));
typedef float f32x16_unaligned __attribute__((vector_size(64), aligned(4), may_alias));
typedef int i32x16_unaligned __attribute__((vector_size(64), aligned(4), may_alias));
typedef signed char i8x16_unaligned __attribute__((vector_size(16), aligned(1), may_alias));
typedef unsigned char u8x16_unaligned __attribute__((vector_size(16), aligned(1), may_alias));
#define WARPLOOM_INLINE static inline __attribute__((always_inline, unused))
WARPLOOM_INLINE f32x16 load16(const float* p) { return *(const f32x16_unaligned*)p; }
WARPLOOM_INLINE f32x16 load16(const int* p) { return __builtin_convertvector(*(const i32x16_unaligned*)p, f32x16); }
// g++ takes a conversion over more than one width apart lane by lane, so bytes go through one instruction or two steps.
#if defined(__AVX512F__) && defined(__GNUC__) && !defined(__clang__)
typedef char i8x16_bytes __attribute__((vector_size(16)));
WARPLOOM_INLINE f32x16 load16(const signed char* p) {
  i8x16_bytes v = (i8x16_bytes) * (const i8x16_unaligned*)p;
  return __builtin_convertvector((i32x16)__builtin_ia32_pmovsxbd512_mask(v, (i32x16){}, -1), f32x16);
}
WARPLOOM_INLINE f32x16 load16(const unsigned char* p) {
  i8x16_bytes v = (i8x16_bytes) * (const u8x16_unaligned*)p;
  return __builtin_convertvector((i32x16)__builtin_ia32_pmovzxbd512_mask(v, (i32x16){}, -1), f32x16);
}
#else
typedef short i16x16 __attribute__((vector_size(32)));
WARPLOOM_INLINE f32x16 load16(const signed char* p) {
  i16x16 v = __builtin_convertvector(*(const i8x16_unaligned*)p, i16x16);
  return __builtin_convertvector(__builtin_convertvector(v, i32x16), f32x16);
}
WARPLOOM_INLINE f32x16 load16(const unsigned char* p) {
  i16x16 v = __builtin_convertvector(*(const u8x16_unaligned*)p, i16x16);
  return __builtin_convertvector(__builtin_convertvector(v, i32x16), f32x16);
}
#endif
WARPLOOM_INLINE void store16(float* p, f32x16 v) { *(f32x16_unaligned*)p = v; }
WARPLOOM_INLINE f32x16 splat16(float x) { return (f32x16){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x}; }
// A condition that is the same for all lanes, as a mask.
WARPLOOM_INLINE i32x16 mask16(bool on) { return (i32x16){} - (int)on; }
// first, first + 1, ...: the values of a loop variable in the lanes.
WARPLOOM_INLINE i32x16 index16(long first) {
  return (i32x16){0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15} + (int)first;
}
WARPLOOM_INLINE f32x16 float16(i32x16 v) { return __builtin_convertvector(v, f32x16); }
// first + lane * stride of memory that is not contiguous.
WARPLOOM_INLINE f32x16 gather16(const float* p, long stride) {
  f32x16 v;
  for (int lane = 0; lane < 16; ++lane) v[lane] = p[lane * stride];
  return v;
}
// The first `left` of sixteen elements (all of them when there are more); the other lanes are 0, memory behind is not read.
WARPLOOM_INLINE i32x16 part16(long left) { return index16(0) < (int)(left < 16 ? left : 16); }
WARPLOOM_INLINE unsigned long part_bytes(long left, unsigned long size) {
  return size * (unsigned long)(left < 16 ? left : 16);
}
#if defined(__AVX512F__) && defined(__GNUC__) && !defined(__clang__)
WARPLOOM_INLINE unsigned short part_bits(long left) { return left < 16 ? (1u << left) - 1 : 0xffff; }
WARPLOOM_INLINE f32x16 load_part16(const float* p, long left) {
  return __builtin_ia32_loadups512_mask(p, (f32x16){}, part_bits(left));
}
WARPLOOM_INLINE void store_part16(float* p, f32x16 v, long left) {
  __builtin_ia32_storeups512_mask(p, v, part_bits(left));
}
#else
WARPLOOM_INLINE f32x16 load_part16(const float* p, long left) {
  f32x16 v = {};
  __builtin_memcpy(&v, p, part_bytes(left, 4));
  return v;
}
WARPLOOM_INLINE void store_part16(float* p, f32x16 v, long left) { __builtin_memcpy(p, &v, part_bytes(left, 4)); }
#endif
WARPLOOM_INLINE f32x16 load_part16(const int* p, long left) {
  i32x16_unaligned v = {};
  __builtin_memcpy(&v, p, part_bytes(left, 4));
  return __builtin_convertvector(v, f32x16);
}
WARPLOOM_INLINE f32x16 load_part16(const signed char* p, long left) {
  i8x16_unaligned v = {};
  __builtin_memcpy(&v, p, part_bytes(left, 1));
  return load16((const signed char*)&v);
}
WARPLOOM_INLINE f32x16 load_part16(const unsigned char* p, long left) {
  u8x16_unaligned v = {};
  __builtin_memcpy(&v, p, part_bytes(left, 1));
  return load16((const unsigned char*)&v);
}
WARPLOOM_INLINE f32x16 gather_part16(const float* p, long stride, long left) {
  f32x16 v = {};
  for (int lane = 0; lane < 16 && lane < left; ++lane) v[lane] = p[lane * stride];
  return v;
}
// a < b ? b : a, as std::max(a, b) has it: a stays where either is NaN.
#if defined(__AVX512F__) && defined(__GNUC__) && !defined(__clang__)
WARPLOOM_INLINE f32x16 fmax16(f32x16 a, f32x16 b) { return __builtin_ia32_maxps512_mask(b, a, a, -1, 4); }
WARPLOOM_INLINE f32x16 fmin16(f32x16 a, f32x16 b) { return __builtin_ia32_minps512_mask(b, a, a, -1, 4); }
#else
WARPLOOM_INLINE f32x16 fmax16(f32x16 a, f32x16 b) { return a < b ? b : a; }
WARPLOOM_INLINE f32x16 fmin16(f32x16 a, f32x16 b) { return b < a ? b : a; }
#endif
// As fmax16 and fmin16, but a NaN in b wins.
WARPLOOM_INLINE f32x16 nanmax16(f32x16 a, f32x16 b) { return (b != b) ? b : fmax16(a, b); }
WARPLOOM_INLINE f32x16 nanmin16(f32x16 a, f32x16 b) { return (b != b) ? b : fmin16(a, b); }
WARPLOOM_INLINE f32x16 fabs16(f32x16 v) { return (f32x16)((i32x16)v & 0x7fffffff); }
#if defined(__AVX512F__) && defined(__GNUC__) && !defined(__clang__)
WARPLOOM_INLINE f32x16 sqrt16(f32x16 v) { return __builtin_ia32_sqrtps512_mask(v, v, -1, 4); }
#else
WARPLOOM_INLINE f32x16 sqrt16(f32x16 v) {
  for (int lane = 0; lane < 16; ++lane) v[lane] = __builtin_sqrtf(v[lane]);
  return v;
}
#endif
#endif
