/* The curves of recurrent gates. tanh here has a small absolute error (1e-7), not a small relative
 * one near zero, which a gate does not need; it costs a quarter of v_tanh. For isa_sources only. */
#ifndef NET_GATE_H
#define NET_GATE_H

#include "num/vec.h"

INLINE vec gate_sigmoid(vec x) { return v_set(1) / (v_set(1) + v_exp(-x)); }
INLINE vec gate_tanh(vec x) { return v_fma(v_set(2), gate_sigmoid(x + x), v_set(-1)); }

#endif
