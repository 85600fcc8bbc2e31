/* Dual numbers: a vector of samples with its tangent, the derivative along some direction. A
 * formula on them is written once: where its tangents are not asked for, the compiler leaves them
 * out, and its values have the bits of the same formula on plain vectors. For isa_sources only. */
#ifndef NUM_TVEC_H
#define NUM_TVEC_H

#include "num/vec.h"

typedef struct tvec {
  vec v, t;
} tvec;

INLINE tvec t_set(float a) { return (tvec){v_set(a), v_set(0)}; }
/* Row i of an array at lane l, and of its tangents; t NULL: zeros, and nothing to store. */
INLINE tvec t_load(const float *v, const float *t, int l, long i) {
  return (tvec){v_load(v + l, i), t ? v_load(t + l, i) : v_set(0)};
}
INLINE void t_store(float *v, float *t, int l, long i, tvec a) {
  v_store(v + l, i, a.v);
  if (t) v_store(t + l, i, a.t);
}

INLINE tvec t_add(tvec a, tvec b) { return (tvec){a.v + b.v, a.t + b.t}; }
INLINE tvec t_sub(tvec a, tvec b) { return (tvec){a.v - b.v, a.t - b.t}; }
INLINE tvec t_mul(tvec a, tvec b) { return (tvec){a.v * b.v, v_fma(a.t, b.v, a.v * b.t)}; }
/* a b + c */
INLINE tvec t_fma(tvec a, tvec b, tvec c) {
  return (tvec){v_fma(a.v, b.v, c.v), v_fma(a.t, b.v, v_fma(a.v, b.t, c.t))};
}
/* c - a b */
INLINE tvec t_fnma(tvec a, tvec b, tvec c) { return t_fma((tvec){-a.v, -a.t}, b, c); }
INLINE tvec t_inverse(tvec a) {
  vec v = v_set(1) / a.v;
  return (tvec){v, -(v * v) * a.t};
}
INLINE tvec t_select(mask m, tvec a, tvec b) {
  return (tvec){v_select(m, a.v, b.v), v_select(m, a.t, b.t)};
}

#endif
