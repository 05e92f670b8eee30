#ifndef WARPLOOM_EXP_POLY
#define WARPLOOM_EXP_POLY
// exp without branches or calls, so that the compiler vectorises a loop around it. About 1 ulp; 0, inf, NaN and
// subnormal results are as in libm.
static inline __attribute__((always_inline, unused)) float exp_poly(float x) {
  float c = x < -110.0f ? -110.0f : x;
  c = c > 100.0f ? 100.0f : c;
  float n = rint(c * 1.44269504f);
  float r = n * -0.693145752f + c;
  r = n * -1.42860677e-6f + r;
  float q = r * 1.38143207e-3f + 8.36885123e-3f;
  q = q * r + 4.16684011e-2f;
  q = q * r + 1.66665195e-1f;
  q = q * r + 4.99999934e-1f;
  q = (q * r + 1.0f) * r + 1.0f;
  int whole = (int)n, first = whole >> 1;
  return q * as_float((first + 127) << 23) * as_float((whole - first + 127) << 23);
}
#endif
