/* The gradient to the taps of a correlation: a block of OUTS outputs x up to TAPS taps of one
 * kernel row, accumulated over the pixels of a strip that stays in the nearest cache. */
#include "net/correlate.h"
#include "net/lanes.h"

enum { OUTS = 4, TAPS = 4, STRIP_ROWS_BYTES = 20480 };

/* What a block works on. */
typedef struct Strip {
  const Correlation *g;
  const float *dy, *x; /* dy of the first output, x of the channel */
  int from, to;        /* rows of outputs */
  int r, s;            /* tap row, first tap column */
} Strip;

/* Pixels j0 .. j1 - 1 of row i: taps that fall outside x (checked only when `edge`) add nothing.
 */
INLINE void pixels(const Strip *t, vec a[OUTS][TAPS], const float *dy, const float *x, int j0,
                   int j1, int l, int outs, int taps, bool edge) {
  const Correlation *g = t->g;
  long plane = (long)g->out.h * g->out.w;
  for (int j = j0; j < j1; j++) {
    int col = j * g->stride - g->left + t->s;
    vec in[TAPS];
    UNROLL(4)
    for (int s = 0; s < taps; s++)
      in[s] = edge && (col + s < 0 || col + s >= g->in.w) ? v_set(0) : v_load(x + l, col + s);
    UNROLL(4)
    for (int k = 0; k < outs; k++) {
      vec d = v_load(dy + l, k * plane + j);
      UNROLL(4)
      for (int s = 0; s < taps; s++) a[k][s] = v_fma(in[s], d, a[k][s]);
    }
  }
}

/* The outputs [*low, *high) of a row whose taps all fall inside. */
static void inside(const Correlation *g, int s, int taps, int *low, int *high) {
  int first = g->left - s, last = g->in.w - taps + g->left - s;
  *low = first > 0 ? (first + g->stride - 1) / g->stride : 0;
  *high = last < 0 ? 0 : last / g->stride + 1;
  if (*high > g->cols) *high = g->cols;
  if (*low > *high) *low = *high;
}

INLINE void strip(const Strip *t, float *sum, int l, int outs, int taps) {
  const Correlation *g = t->g;
  vec a[OUTS][TAPS];
  int low, high;
  inside(g, t->s, taps, &low, &high);
  UNROLL(4)
  for (int k = 0; k < outs; k++) UNROLL(4)
  for (int s = 0; s < taps; s++) a[k][s] = v_set(0);
  for (int i = t->from; i < t->to; i++) {
    int row = i * g->stride - g->top + t->r;
    if (row < 0 || row >= g->in.h) continue;
    const float *dy = t->dy + L * (long)i * g->out.w, *x = t->x + L * (long)row * g->in.w;
    pixels(t, a, dy, x, 0, low, l, outs, taps, true);
    pixels(t, a, dy, x, low, high, l, outs, taps, false);
    pixels(t, a, dy, x, high, g->cols, l, outs, taps, true);
  }
  UNROLL(4)
  for (int k = 0; k < outs; k++) UNROLL(4)
  for (int s = 0; s < taps; s++) v_store(sum + l, k * taps + s, a[k][s]);
}

/* dw of a block += the strip; stride between outputs in dw. */
INLINE void block(const Strip *t, float *dw, long stride, int outs, int taps) {
  _Alignas(64) float sum[OUTS * TAPS * L];
  LANES(l) strip(t, sum, l, outs, taps);
  for (int k = 0; k < outs; k++)
    for (int s = 0; s < taps; s++) dw[k * stride + s] += lanes_sum(sum + L * (k * taps + s));
}

/* All taps of kernel row r, four by four. */
INLINE void tap_row(Strip t, float *dw, long stride, int outs) {
  int n = t.g->kernel_w;
  for (; t.s + 4 <= n; t.s += 4) block(&t, dw + t.s, stride, outs, 4);
  if (n - t.s == 3) block(&t, dw + t.s, stride, outs, 3);
  if (n - t.s == 2) block(&t, dw + t.s, stride, outs, 2);
  if (n - t.s == 1) block(&t, dw + t.s, stride, outs, 1);
}

void correlate_gradient(const Correlation *g, float *dw, const float *dy, const float *x) {
  int taps = g->kernel_h * g->kernel_w;
  long stride = (long)g->in.c * taps, in_plane = (long)g->in.h * g->in.w;
  int rows = STRIP_ROWS_BYTES / (OUTS * 4 * L * g->cols);
  if (rows < 1) rows = 1;
  for (int from = 0; from < g->rows; from += rows)
    for (int o = 0, n; o < g->out.c; o += n) {
      int to = from + rows < g->rows ? from + rows : g->rows;
      n = g->out.c - o >= OUTS ? OUTS : 1;
      for (int c = 0; c < g->in.c; c++)
        for (int r = 0; r < g->kernel_h; r++) {
          Strip t = {g, dy + L * (long)o * g->out.h * g->out.w, x + L * c * in_plane, from, to, r,
                     0};
          float *to_dw = dw + o * stride + (long)c * taps + r * g->kernel_w;
          if (n == OUTS)
            tap_row(t, to_dw, stride, OUTS);
          else
            tap_row(t, to_dw, stride, 1);
        }
    }
}

void correlate_sums(float *db, const float *dy, Shape shape) {
  _Alignas(64) float sum[L];
  long n = (long)shape.h * shape.w;
  for (int o = 0; o < shape.c; o++, dy += L * n) {
    LANES(l) {
      vec a = v_set(0);
      for (long i = 0; i < n; i++) a = a + v_load(dy + l, i);
      v_store(sum + l, 0, a);
    }
    db[o] += lanes_sum(sum);
  }
}
