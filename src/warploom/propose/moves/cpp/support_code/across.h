#ifndef WARPLOOM_ACROSS
#define WARPLOOM_ACROSS
// One number from the sixteen lanes, by halving.
typedef float f32x8 __attribute__((vector_size(32)));
typedef float f32x4 __attribute__((vector_size(16)));
WARPLOOM_INLINE f32x8 low8(f32x16 v) { return __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7); }
WARPLOOM_INLINE f32x8 high8(f32x16 v) { return __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15); }
WARPLOOM_INLINE f32x4 low4(f32x8 v) { return __builtin_shufflevector(v, v, 0, 1, 2, 3); }
WARPLOOM_INLINE f32x4 high4(f32x8 v) { return __builtin_shufflevector(v, v, 4, 5, 6, 7); }
WARPLOOM_INLINE float sum16(f32x16 v) {
  f32x8 h = low8(v) + high8(v);
  f32x4 q = low4(h) + high4(h);
  return (q[0] + q[2]) + (q[1] + q[3]);
}
WARPLOOM_INLINE float product16(f32x16 v) {
  f32x8 h = low8(v) * high8(v);
  f32x4 q = low4(h) * high4(h);
  return (q[0] * q[2]) * (q[1] * q[3]);
}
WARPLOOM_INLINE float max16(f32x16 v) {
  f32x8 h = low8(v) < high8(v) ? high8(v) : low8(v);
  f32x4 q = low4(h) < high4(h) ? high4(h) : low4(h);
  float a = q[0] < q[2] ? q[2] : q[0], b = q[1] < q[3] ? q[3] : q[1];
  return a < b ? b : a;
}
WARPLOOM_INLINE float min16(f32x16 v) { return -max16(-v); }
// NaN when any lane is.
WARPLOOM_INLINE float nanmax16(f32x16 v) {
  float nan = sum16((f32x16)((v != v) & (i32x16)v));
  return nan != nan ? nan : max16(v);
}
WARPLOOM_INLINE float nanmin16(f32x16 v) { return -nanmax16(-v); }
#endif
