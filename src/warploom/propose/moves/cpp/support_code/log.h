#ifndef WARPLOOM_LOG
#define WARPLOOM_LOG
// log(x) = e * ln 2 + log(m) with m in [sqrt(1/2), sqrt(2)) and a polynomial for log(1 + z) whose relative error is
// 3e-8 of z. About 1 ulp; -inf at 0, NaN below, inf and NaN as in libm.
WARPLOOM_INLINE f32x16 log16(f32x16 x) {
  i32x16 tiny = x < 1.17549435e-38f;
  f32x16 y = tiny ? x * 8388608.0f : x;
  i32x16 bits = (i32x16)y - 0x3f3504f3;
  f32x16 e = __builtin_convertvector((bits >> 23) - (tiny & 23), f32x16);
  f32x16 z = (f32x16)((bits & 0x007fffff) + 0x3f3504f3) - 1.0f;
  f32x16 q = z * -7.63454457e-2f + 1.27616544e-1f;
  q = q * z + -1.31602013e-1f;
  q = q * z + 1.42017491e-1f;
  q = q * z + -1.66233546e-1f;
  q = q * z + 2.00012272e-1f;
  q = q * z + -2.50008211e-1f;
  q = q * z + 3.33333317e-1f;
  f32x16 small = e * -2.12194440e-4f + (q * z * z * z - 0.5f * z * z);
  f32x16 value = e * 0.693359375f + (small + z);
  value = (x > 3.40282347e38f) ? x : value;
  value = (x < 0.0f) ? splat16(__builtin_nanf("")) : value;
  value = (x == 0.0f) ? splat16(-__builtin_inff()) : value;
  return (x != x) ? x : value;
}
// log(1 + x), keeping the digits of a small x: log(u) corrected by what u = 1 + x lost.
WARPLOOM_INLINE f32x16 log1p16(f32x16 x) {
  f32x16 u = 1.0f + x, d = u - 1.0f;
  f32x16 value = log16(u) * (x / d);
  value = (d == 0.0f) ? x : value;
  return (u > 3.40282347e38f) ? log16(u) : value;
}
#endif
