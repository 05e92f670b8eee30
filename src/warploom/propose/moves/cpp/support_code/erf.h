#ifndef WARPLOOM_ERF
#define WARPLOOM_ERF
// An odd polynomial below 1 (relative error 1.3e-9), 1 - exp(polynomial) above (absolute error 1.1e-9).
WARPLOOM_INLINE f32x16 erf16(f32x16 x) {
  f32x16 a = fabs16(x), t = x * x;
  f32x16 near = t * 7.85381157e-5f + -8.0101793e-4f;
  near = near * t + 5.18832613e-3f;
  near = near * t + -2.68538111e-2f;
  near = near * t + 1.12835851e-1f;
  near = near * t + -3.76126258e-1f;
  near = (near * t + 1.12837917f) * x;
  f32x16 b = (a > 4.0f) ? splat16(4.0f) : a;
  f32x16 far = b * 1.86778017e-4f + -2.95188742e-3f;
  far = far * b + 2.18563568e-2f;
  far = far * b + -1.03148068e-1f;
  far = far * b + -6.38093447e-1f;
  far = far * b + -1.12712257f;
  far = 1.0f - exp16(far * b + -3.32670245e-4f);
  far = (f32x16)((i32x16)far | ((i32x16)x & (int)0x80000000));
  return (a < 1.0f) ? near : far;
}
#endif
