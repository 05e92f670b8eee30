#ifndef WARPLOOM_ACROSS
#define WARPLOOM_ACROSS
// One number from the sixteen lanes, by halving.
WARPLOOM_INLINE float sum16(f32x16 v) {
  float8 h = v.lo + v.hi;
  float4 q = h.lo + h.hi;
  return (q.x + q.z) + (q.y + q.w);
}
WARPLOOM_INLINE float product16(f32x16 v) {
  float8 h = v.lo * v.hi;
  float4 q = h.lo * h.hi;
  return (q.x * q.z) * (q.y * q.w);
}
WARPLOOM_INLINE float max16(f32x16 v) {
  float8 h = v.lo < v.hi ? v.hi : v.lo;
  float4 q = h.lo < h.hi ? h.hi : h.lo;
  float a = q.x < q.z ? q.z : q.x, b = q.y < q.w ? q.w : q.y;
  return a < b ? b : a;
}
WARPLOOM_INLINE float min16(f32x16 v) { return -max16(-v); }
// NaN when any lane is.
WARPLOOM_INLINE float nanmax16(f32x16 v) {
  float nan = sum16(as_float16((v != v) & as_int16(v)));
  return nan != nan ? nan : max16(v);
}
WARPLOOM_INLINE float nanmin16(f32x16 v) { return -nanmax16(-v); }
#endif
