/* The curves of recurrent gates, to 4e-7: a gate needs no more, and with the curves of num/vec.h
 * they would take a quarter of a step. tanh x = x P(x^2) / Q(x^2) up to |x| = 9, where it is 1 in
 * float; P and Q are the minimax of the relative error, 2e-8 before rounding. NaN stays NaN. With
 * tangents, and with the way back from a curve's value. For isa_sources only. */
#ifndef NET_GATE_H
#define NET_GATE_H

#include "num/tvec.h"

INLINE vec gate_tanh_value(vec x) {
  x = v_max(v_set(-9), v_min(v_set(9), x));
  vec s = x * x, p = v_set(1.33544891e-08f), q = v_set(7.77648609e-07f);
  p = v_fma(p, s, v_set(2.06089535e-05f));
  q = v_fma(q, s, v_set(3.28562193e-04f));
  p = v_fma(p, s, v_set(3.49558028e-03f));
  q = v_fma(q, s, v_set(2.58769523e-02f));
  p = v_fma(p, s, v_set(1.33810192e-01f));
  q = v_fma(q, s, v_set(4.67143357e-01f));
  return x * v_fma(p, s, v_set(1)) / v_fma(q, s, v_set(1));
}

/* d times the slope of the tanh, of the sigmoid, whose value is y. */
INLINE tvec gate_tanh_back(tvec d, tvec y) { return t_mul(d, t_fnma(y, y, t_set(1))); }
INLINE tvec gate_sigmoid_back(tvec d, tvec y) { return t_mul(t_mul(d, y), t_sub(t_set(1), y)); }

INLINE tvec gate_tanh(tvec x) {
  vec y = gate_tanh_value(x.v);
  return (tvec){y, x.t * v_fma(-y, y, v_set(1))};
}

INLINE tvec gate_sigmoid(tvec x) {
  vec half = v_set(0.5f), y = v_fma(half, gate_tanh_value(half * x.v), half);
  return (tvec){y, x.t * y * (v_set(1) - y)};
}

#endif
