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
INLINE void cell_forward(tvec a[RECURRENT_ROWS], tvec state[RECURRENT_STATES], mask present) {
  const tvec one = t_set(1);
  a[R] = gate_sigmoid(a[R]);
  a[Z] = t_select(present, gate_sigmoid(a[Z]), one);
  a[N] = gate_tanh(t_fma(a[R], a[Q], a[N]));
  state[0] = t_fma(a[Z], state[0], t_mul(t_sub(one, a[Z]), a[N]));
}

INLINE void cell_backward(tvec a[RECURRENT_ROWS], const tvec old[RECURRENT_STATES],
                          tvec d[RECURRENT_STATES], mask present) {
  const tvec r = a[R], z = a[Z], n = a[N];
  tvec dn = gate_tanh_back(t_mul(d[0], t_sub(t_set(1), z)), n);
  a[R] = gate_sigmoid_back(t_mul(dn, a[Q]), r);
  a[Z] = gate_sigmoid_back(t_mul(d[0], t_sub(old[0], n)), z);
  a[N] = dn;
  a[Q] = t_mul(dn, r);
  d[0] = t_mul(d[0], z);
}

static const Cell cell = {3, 1, 4, cell_forward, cell_backward};

#include "net/recurrent_slots.h"

RECURRENT_LAYER(gru, "gated recurrent units along a sequence, as PyTorch's GRU");
