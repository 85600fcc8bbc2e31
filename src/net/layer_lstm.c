/* lstm: long short-term memory, as PyTorch's LSTM. Source: Hochreiter and Schmidhuber, Neural
 * Computation 9 (1997) 1735, with the forget gate of Gers et al., ibid. 12 (2000) 2451.
 *
 *   i, f, o = s(w x + b + w' h + b'), each with its own weights    input, forget, output
 *   g = tanh(w x + b + w' h + b')                                  candidate
 *   c' = f c + i g
 *   h' = o tanh(c') */
#include "net/gate.h"
#include "net/recurrent.h"

/* In the sums: i, f, g, o. Kept: those, and tanh(c'). The state: h, c. */
enum { I, F, G, O, TANH_C };
enum { H, C };

INLINE void cell_forward(vec a[RECURRENT_ROWS], vec state[RECURRENT_STATES], mask present) {
  a[I] = gate_sigmoid(a[I]);
  a[F] = gate_sigmoid(a[F]);
  a[G] = gate_tanh(a[G]);
  a[O] = gate_sigmoid(a[O]);
  vec c = v_fma(a[F], state[C], a[I] * a[G]);
  a[TANH_C] = gate_tanh(c);
  state[C] = v_select(present, c, state[C]);
  state[H] = v_select(present, a[O] * a[TANH_C], state[H]);
}

INLINE void cell_backward(vec a[RECURRENT_ROWS], const vec old[RECURRENT_STATES],
                          vec d[RECURRENT_STATES], mask present) {
  const vec zero = v_set(0), one = v_set(1), i = a[I], f = a[F], g = a[G], o = a[O];
  vec dh = v_select(present, d[H], zero), t = a[TANH_C];
  vec dc = v_select(present, v_fma(dh * o, v_fma(-t, t, one), d[C]), zero);
  a[I] = dc * g * i * (one - i);
  a[F] = dc * old[C] * f * (one - f);
  a[G] = dc * i * v_fma(-g, g, one);
  a[O] = dh * t * o * (one - o);
  d[H] = v_select(present, zero, d[H]);
  d[C] = v_select(present, dc * f, d[C]);
}

static const Cell cell = {4, 2, 5, cell_forward, cell_backward};

RECURRENT_LAYER(lstm, cell, "long short-term memory along a sequence, as PyTorch's LSTM");
