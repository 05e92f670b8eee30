#ifndef WARPLOOM_STREAM
#define WARPLOOM_STREAM
// A store that bypasses the caches; an ordinary one where p is not aligned to 64 bytes.
WARPLOOM_INLINE void stream16(float* p, f32x16 v) {
#if defined(__AVX512F__) && defined(__GNUC__) && !defined(__clang__)
  if (((unsigned long)p & 63) == 0) {
    __builtin_ia32_movntps512(p, v);
    return;
  }
#elif defined(__AVX__) && defined(__GNUC__) && !defined(__clang__)
  typedef float eight __attribute__((vector_size(32)));
  if (((unsigned long)p & 31) == 0) {
    eight half[2];
    __builtin_memcpy(half, &v, 64);
    __builtin_ia32_movntps256(p, half[0]);
    __builtin_ia32_movntps256(p + 8, half[1]);
    return;
  }
#endif
  store16(p, v);
}
// Orders non-temporal stores before what follows.
WARPLOOM_INLINE void stream_fence() {
#if defined(__SSE__)
  __builtin_ia32_sfence();
#endif
}
#endif
