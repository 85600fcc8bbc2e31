/* The gradient to the taps of a correlation. A block is a few outputs x a window of taps of one
 * channel, in registers: three rows of three taps, else one row of up to four. It sums, lane by
 * lane, over the pixels of a strip of rows, whose dy stays in the nearest cache for the channels to
 * come; then the strips' sums are added, and in the end the lanes. */
#include "net/correlate.h"
#include "net/lanes.h"

enum { OUTS = 4, TAPS = 9, CHANNELS = 32, STRIP_BYTES = 4096 };
/* As the registers allow; the sums of a tap do not depend on the block that it is in. */
enum { OUTS_3X3 = VL == 16 ? 2 : 1, TAPS_ROW = VL == 16 ? 4 : 3 };

typedef vec Sums[OUTS][TAPS]; /* of a block: [output][tap of the window] */

/* What a block works on. */
typedef struct Strip {
  const Correlation *g;
  const float *dy, *x; /* of the first output, of the channel; lanes l .. */
  int from, to;        /* rows of outputs */
  int r, s;            /* first tap of the window */
} Strip;

/* Outputs j .. end - 1 of row i with tap rows first .. last - 1 of the window, which are inside x;
 * taps left or right of it, which are looked for at an edge only, add nothing. */
INLINE void pixels(const Strip *t, Sums a, int i, int j, int end, int outs, int first, int last,
                   int taps, bool edge) {
  const Correlation *g = t->g;
  const int width = g->in.w, stride = g->stride, left = g->left - t->s;
  const long plane = (long)g->out.h * g->out.w, site = (long)i * g->out.w;
  const float *x = t->x + L * ((long)i * stride - g->top + t->r + first) * width;
  for (; j < end; j++) {
    const int col = j * stride - left;
    vec in[TAPS];
    UNROLL(3)
    for (int r = first; r < last; r++) {
      UNROLL(4)
      for (int q = 0; q < taps; q++) {
        bool outside = edge && (col + q < 0 || col + q >= width);
        vec v = outside ? v_set(0) : v_load(x, (long)(r - first) * width + col + q);
        in[r * taps + q] = outs > 1 ? v_hold(v) : v;
      }
    }
    UNROLL(4)
    for (int k = 0; k < outs; k++) {
      vec d = v_hold(v_load(t->dy, k * plane + site + j));
      UNROLL(9)
      for (int b = first * taps; b < last * taps; b++) a[k][b] = v_fma(in[b], d, a[k][b]);
    }
  }
}

/* The outputs [*low, *high) of a row whose taps all fall inside. */
static void inside(const Strip *t, int taps, int *low, int *high) {
  const Correlation *g = t->g;
  int first = g->left - t->s, last = g->in.w - taps + first;
  *low = first > 0 ? (first + g->stride - 1) / g->stride : 0;
  *high = last < 0 ? 0 : last / g->stride + 1;
  if (*low > g->cols) *low = g->cols;
  if (*high > g->cols) *high = g->cols;
  if (*high < *low) *high = *low;
}

INLINE void pixel_row(const Strip *t, Sums a, int i, int low, int high, int outs, int first,
                      int last, int taps) {
  pixels(t, a, i, 0, low, outs, first, last, taps, true);
  pixels(t, a, i, low, high, outs, first, last, taps, false);
  pixels(t, a, i, high, t->g->cols, outs, first, last, taps, true);
}

/* lane (outs, rows, taps, L) += sums over the strip, lanes at lane .. */
INLINE void block(const Strip *t, float *lane, int outs, int rows, int taps) {
  const Correlation *g = t->g;
  int low, high;
  Sums a;
  inside(t, taps, &low, &high);
  UNROLL(4)
  for (int k = 0; k < outs; k++) {
    UNROLL(9)
    for (int b = 0; b < rows * taps; b++) a[k][b] = v_set(0);
  }
  for (int i = t->from; i < t->to; i++) {
    int top = i * g->stride - g->top + t->r;
    if (top >= 0 && top + rows <= g->in.h) {
      pixel_row(t, a, i, low, high, outs, 0, rows, taps);
    } else {
      UNROLL(3)
      for (int r = 0; r < rows; r++)
        if (top + r >= 0 && top + r < g->in.h)
          pixel_row(t, a, i, low, high, outs, r, r + 1, taps);
    }
  }
  UNROLL(4)
  for (int k = 0; k < outs; k++) {
    UNROLL(9)
    for (int b = 0; b < rows * taps; b++) {
      long at = k * rows * taps + b;
      v_store(lane, at, v_load(lane, at) + a[k][b]);
    }
  }
}

/* Channels c .. c + n - 1 of dw at outputs o .. o + outs - 1 for the window at (r, s). */
INLINE void window(const Correlation *g, float *dw, const float *dy, const float *x, int o, int c,
                   int n, int r, int s, int outs, int rows, int taps) {
  _Alignas(64) float lane[CHANNELS * OUTS * TAPS * L], sum[CHANNELS * OUTS * TAPS];
  const int tall = STRIP_BYTES / (4 * L * g->cols) + 1;
  const int of_channel = outs * rows * taps;
  const long plane = L * (long)g->in.h * g->in.w;
  memset(lane, 0, (size_t)(n * of_channel + 3) / 4 * 4 * L * sizeof *lane);
  LANES(l) {
    Strip t = {.g = g, .dy = dy + L * (long)o * g->out.h * g->out.w + l, .r = r, .s = s};
    for (t.from = 0; t.from < g->rows; t.from = t.to) {
      t.to = t.from + tall < g->rows ? t.from + tall : g->rows;
      t.x = x + c * plane + l;
      for (int k = 0; k < n; k++, t.x += plane)
        block(&t, lane + (long)k * of_channel * L + l, outs, rows, taps);
    }
  }
  lanes_sums(sum, lane, n * of_channel);
  const long kernel = (long)g->kernel_h * g->kernel_w;
  for (int i = 0; i < n * of_channel; i++) {
    long channel = c + i / of_channel, out = o + i / (rows * taps) % outs;
    dw[(out * g->in.c + channel) * kernel + (r + i / taps % rows) * g->kernel_w + s + i % taps] +=
        sum[i];
  }
}

/* All windows of outputs o .. o + outs - 1 with channels c .. c + n - 1, row by row. */
INLINE void windows(const Correlation *g, float *dw, const float *dy, const float *x, int o,
                    int c, int n, int outs) {
  const int taps = g->kernel_w;
  for (int r = 0; r < g->kernel_h; r++) {
    int s = 0;
    for (; s + TAPS_ROW <= taps; s += TAPS_ROW)
      window(g, dw, dy, x, o, c, n, r, s, outs, 1, TAPS_ROW);
    if (taps - s == 3) window(g, dw, dy, x, o, c, n, r, s, outs, 1, 3);
    if (taps - s == 2) window(g, dw, dy, x, o, c, n, r, s, outs, 1, 2);
    if (taps - s == 1) window(g, dw, dy, x, o, c, n, r, s, outs, 1, 1);
  }
}

/* As many outputs as a block takes, from o on; returns how many. */
static int outputs(const Correlation *g, float *dw, const float *dy, const float *x, int o, int c,
                   int n) {
  const int left = g->out.c - o;
  const bool three = g->kernel_h == 3 && g->kernel_w == 3;
  if (three && OUTS_3X3 > 1 && left >= OUTS_3X3)
    return window(g, dw, dy, x, o, c, n, 0, 0, OUTS_3X3, 3, 3), OUTS_3X3;
  if (left >= OUTS) return windows(g, dw, dy, x, o, c, n, OUTS), OUTS;
  if (three)
    window(g, dw, dy, x, o, c, n, 0, 0, 1, 3, 3);
  else
    windows(g, dw, dy, x, o, c, n, 1);
  return 1;
}

void correlate_gradient(const Correlation *g, float *dw, const float *dy, const float *x) {
  for (int c = 0; c < g->in.c; c += CHANNELS) {
    int n = g->in.c - c < CHANNELS ? g->in.c - c : CHANNELS;
    for (int o = 0; o < g->out.c;) o += outputs(g, dw, dy, x, o, c, n);
  }
}

/* Four sums over every fourth pixel hide the latency of an addition. */
INLINE vec pixel_sum(const float *dy, long n) {
  vec a[4];
  long i = 0;
  UNROLL(4)
  for (int k = 0; k < 4; k++) a[k] = v_set(0);
  for (; i + 4 <= n; i += 4) {
    UNROLL(4)
    for (int k = 0; k < 4; k++) a[k] = a[k] + v_load(dy, i + k);
  }
  for (; i < n; i++) a[0] = a[0] + v_load(dy, i);
  return (a[0] + a[1]) + (a[2] + a[3]);
}

void correlate_sums(float *db, const float *dy, Shape shape) {
  enum { AT_ONCE = 16 };
  _Alignas(64) float lane[AT_ONCE * L] = {0}, sum[AT_ONCE];
  long plane = (long)shape.h * shape.w;
  for (int o = 0, n; o < shape.c; o += n) {
    n = shape.c - o < AT_ONCE ? shape.c - o : AT_ONCE;
    LANES(l)
    for (int k = 0; k < n; k++)
      v_store(lane + l, k, pixel_sum(dy + L * (o + k) * plane + l, plane));
    lanes_sums(sum, lane, n);
    for (int k = 0; k < n; k++) db[o + k] += sum[k];
  }
}
