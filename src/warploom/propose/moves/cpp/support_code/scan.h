#ifndef WARPLOOM_SCAN
#define WARPLOOM_SCAN
// Inclusive scans of the sixteen lanes in four steps (Hillis and Steele 1986): lane l combines lanes 0 to l.
#define WARPLOOM_BEHIND(first, v, n)                                                                              \
  __builtin_shufflevector(first, v, 16 - n, 17 - n, 18 - n, 19 - n, 20 - n, 21 - n, 22 - n, 23 - n, 24 - n, 25 - n, \
                          26 - n, 27 - n, 28 - n, 29 - n, 30 - n, 31 - n)
#define WARPLOOM_SCAN16(name, neutral, combine)                                            \
  WARPLOOM_INLINE f32x16 name(f32x16 v) {                                                  \
    const f32x16 first = splat16(neutral);                                                 \
    f32x16 w = WARPLOOM_BEHIND(first, v, 1);                                               \
    v = combine;                                                                           \
    w = WARPLOOM_BEHIND(first, v, 2);                                                      \
    v = combine;                                                                           \
    w = WARPLOOM_BEHIND(first, v, 4);                                                      \
    v = combine;                                                                           \
    w = WARPLOOM_BEHIND(first, v, 8);                                                      \
    return combine;                                                                        \
  }                                                                                        \
  /* The scan without the lane's own value. */                                             \
  WARPLOOM_INLINE f32x16 before_##name(f32x16 v) {                                         \
    const f32x16 first = splat16(neutral);                                                 \
    return WARPLOOM_BEHIND(first, v, 1);                                                   \
  }
WARPLOOM_SCAN16(scan_sum16, 0.0f, (w + v))
WARPLOOM_SCAN16(scan_product16, 1.0f, (w * v))
WARPLOOM_SCAN16(scan_max16, -__builtin_inff(), fmax16(w, v))
WARPLOOM_SCAN16(scan_min16, __builtin_inff(), fmin16(w, v))
WARPLOOM_INLINE f32x16 last16(f32x16 v) {
  return __builtin_shufflevector(v, v, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15);
}
WARPLOOM_INLINE float lane0(f32x16 v) { return v[0]; }
#endif
