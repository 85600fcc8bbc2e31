/* gru: the gated recurrent unit, as PyTorch's GRU. Source: arXiv 1406.1078, section 2.3, with the
 * reset gate behind the product.
 *
 *   r = s(w_ir x + b_ir + w_hr h + b_hr)         reset
 *   z = s(w_iz x + b_iz + w_hz h + b_hz)         update
 *   n = tanh(w_in x + b_in + r (w_hn h + b_hn))  candidate
 *   h' = (1 - z) n + z h */
#include "net/gate.h"
#include "net/recurrent.h"

/* In the sums: r, z, the input's part of n, the state's part q. Kept: r, z, n, q. */
enum { R, Z, N, Q };

/* An absent point holds the update gate at 1. */
INLINE void cell_forward(vec a[RECURRENT_ROWS], vec state[RECURRENT_STATES], mask present) {
  a[R] = gate_sigmoid(a[R]);
  a[Z] = v_select(present, gate_sigmoid(a[Z]), v_set(1));
  a[N] = gate_tanh(v_fma(a[R], a[Q], a[N]));
  state[0] = v_fma(a[Z], state[0], (v_set(1) - a[Z]) * a[N]);
}

INLINE void cell_backward(vec a[RECURRENT_ROWS], const vec old[RECURRENT_STATES],
                          vec d[RECURRENT_STATES], mask present) {
  const vec one = v_set(1), r = a[R], z = a[Z], n = a[N];
  vec dn = d[0] * (one - z) * v_fma(-n, n, one);
  a[R] = dn * a[Q] * r * (one - r);
  a[Z] = d[0] * (old[0] - n) * z * (one - z);
  a[N] = dn;
  a[Q] = dn * r;
  d[0] = d[0] * z;
}

static const Cell cell = {3, 1, 4, cell_forward, cell_backward};

RECURRENT_LAYER(gru, cell, "gated recurrent units along a sequence, as PyTorch's GRU");
