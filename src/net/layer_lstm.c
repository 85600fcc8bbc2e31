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

INLINE void cell_forward(tvec a[RECURRENT_ROWS], tvec state[RECURRENT_STATES], mask present) {
  a[I] = gate_sigmoid(a[I]);
  a[F] = gate_sigmoid(a[F]);
  a[G] = gate_tanh(a[G]);
  a[O] = gate_sigmoid(a[O]);
  tvec c = t_fma(a[F], state[C], t_mul(a[I], a[G]));
  a[TANH_C] = gate_tanh(c);
  state[C] = t_select(present, c, state[C]);
  state[H] = t_select(present, t_mul(a[O], a[TANH_C]), state[H]);
}

INLINE void cell_backward(tvec a[RECURRENT_ROWS], const tvec old[RECURRENT_STATES],
                          tvec d[RECURRENT_STATES], mask present) {
  const tvec zero = t_set(0), i = a[I], f = a[F], g = a[G], o = a[O], t = a[TANH_C];
  tvec dh = t_select(present, d[H], zero);
  tvec dc = t_fma(t_mul(dh, o), t_fnma(t, t, t_set(1)), d[C]);
  dc = t_select(present, dc, zero);
  a[I] = gate_sigmoid_back(t_mul(dc, g), i);
  a[F] = gate_sigmoid_back(t_mul(dc, old[C]), f);
  a[G] = gate_tanh_back(t_mul(dc, i), g);
  a[O] = gate_sigmoid_back(t_mul(dh, t), o);
  d[H] = t_select(present, zero, d[H]);
  d[C] = t_select(present, t_mul(dc, f), d[C]);
}

static const Cell cell = {4, 2, 5, cell_forward, cell_backward};

#include "net/recurrent_slots.h"

RECURRENT_LAYER(lstm, "long short-term memory along a sequence, as PyTorch's LSTM");
