#ifndef WARPLOOM_EXP
#define WARPLOOM_EXP
// exp(x) = 2^n * exp(r) with n = round(x / ln 2), |r| <= ln 2 / 2, and a polynomial of degree 6 for exp(r) whose
// relative error is 3e-9. About 1 ulp; 0, inf, NaN and subnormal results are as in libm.
WARPLOOM_INLINE f32x16 exp_core16(f32x16 r) {
  f32x16 q = r * 1.38143207e-3f + 8.36885123e-3f;
  q = q * r + 4.16684011e-2f;
  q = q * r + 1.66665195e-1f;
  q = q * r + 4.99999934e-1f;
  return q;  // (exp(r) - 1 - r) / r^2
}
#if defined(__AVX512F__) && defined(__GNUC__) && !defined(__clang__)
WARPLOOM_INLINE f32x16 round16(f32x16 v) { return __builtin_ia32_rndscaleps_mask(v, 0, v, -1, 4); }
WARPLOOM_INLINE f32x16 scale16(f32x16 v, f32x16 n) { return __builtin_ia32_scalefps512_mask(v, n, v, -1, 4); }
#else
WARPLOOM_INLINE f32x16 round16(f32x16 v) {
  f32x16 half = (f32x16)(((i32x16)v & (int)0x80000000) | 0x3f000000);
  return __builtin_convertvector(__builtin_convertvector(v + half, i32x16), f32x16);
}
WARPLOOM_INLINE f32x16 scale16(f32x16 v, f32x16 n) {  // in two factors: 2^n may be subnormal or above the range
  i32x16 whole = __builtin_convertvector(n, i32x16), first = whole >> 1, second = whole - first;
  return v * (f32x16)((first + 127) << 23) * (f32x16)((second + 127) << 23);
}
#endif
WARPLOOM_INLINE f32x16 exp16(f32x16 x) {
  f32x16 c = fmin16(fmax16(x, splat16(-110.0f)), splat16(100.0f));  // a NaN stays
  f32x16 n = round16(c * 1.44269504f);
  f32x16 r = n * -0.693145752f + c;
  r = n * -1.42860677e-6f + r;
  return scale16((exp_core16(r) * r + 1.0f) * r + 1.0f, n);
}
// exp(x) - 1 without cancellation near 0: exp(r) - 1 and 2^n - 1 apart. In halves, so that 2^128 stays in range.
WARPLOOM_INLINE f32x16 expm1_core16(f32x16 x) {  // for x in [-87, 88.8]
  f32x16 n = round16(x * 1.44269504f);
  f32x16 r = n * -0.693145752f + x;
  r = n * -1.42860677e-6f + r;
  f32x16 half = scale16(splat16(0.5f), n);
  return 2.0f * (((exp_core16(r) * r + 1.0f) * r) * half + (half - 0.5f));
}
WARPLOOM_INLINE f32x16 expm1_16(f32x16 x) {
  return expm1_core16(fmin16(fmax16(x, splat16(-87.0f)), splat16(88.8f)));  // a NaN stays
}
WARPLOOM_INLINE f32x16 sigmoid16(f32x16 x) { return 1.0f / (1.0f + exp16(-x)); }
// tanh(x) = (e - 1) / (e + 1) with e = exp(2x), through expm1 so that small x keep their digits.
WARPLOOM_INLINE f32x16 tanh16(f32x16 x) {
  f32x16 a = fabs16(x), t = expm1_core16((a > 10.0f) ? splat16(20.0f) : a + a);
  f32x16 y = t / (t + 2.0f);
  return (f32x16)((i32x16)y | ((i32x16)x & (int)0x80000000));
}
#endif
