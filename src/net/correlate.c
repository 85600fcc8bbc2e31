/* The direct kernel: a block of OUTS output channels x COLS columns in registers, each row of x
 * that is loaded serves OUTS products, each weight COLS. */
#include "net/correlate.h"

#include "net/finish.h"

enum { OUTS = 4, COLS = VL == 16 ? 6 : 3 };
enum { WINDOW = (6 - 1) * CORRELATE_STRIDE + CORRELATE_KERNEL };

static int outs_of(int left) { return left >= 4 ? 4 : left >= 2 ? 2 : 1; }

size_t correlate_packed_size(const Correlation *g) {
  size_t n = (size_t)g->out.c * (size_t)g->in.c * (size_t)(g->kernel_h * g->kernel_w);
  return (n + L - 1) / L * L;
}

/* Order: blocks of outputs, then c, r, s, then the outputs of the block. */
void correlate_pack(const Correlation *g, float *packed, Taps t) {
  int n;
  for (int o = 0; o < g->out.c; o += n) {
    n = outs_of(g->out.c - o);
    for (int c = 0; c < g->in.c; c++)
      for (int r = 0; r < g->kernel_h; r++)
        for (int s = 0; s < g->kernel_w; s++)
          for (int k = 0; k < n; k++)
            *packed++ = t.w[(o + k) * t.out + c * t.in + r * t.row + s * t.col];
  }
}

/* Columns col .. col + n - 1 of a row of x, zeros outside 0 .. width - 1, in the buffer. */
static const float *window_row(float *buffer, const float *row, int col, int n, int width,
                               int l) {
  for (int b = 0; b < n; b++) {
    int j = col + b;
    v_store(buffer + l, b, j >= 0 && j < width ? v_load(row + l, j) : v_set(0));
  }
  return buffer;
}

/* One block: outputs o .. o + outs - 1, row i, columns j .. j + cols - 1. outs and cols are
 * constants. */
INLINE void block(const Correlation *g, float *y, const float *x, const float *w,
                  const float *bias, Finish finish, int o, int i, int j, int l, int outs,
                  int cols) {
  _Alignas(64) float buffer[WINDOW * L];
  vec a[OUTS][6];
  int stride = g->stride, kw = g->kernel_w, height = g->in.h, width = g->in.w;
  int top = i * stride - g->top, left = j * stride - g->left, n = (cols - 1) * stride + kw;
  bool edge = left < 0 || left + n > width;
  UNROLL(4)
  for (int k = 0; k < outs; k++) UNROLL(6)
  for (int b = 0; b < cols; b++) a[k][b] = v_set(bias ? bias[o + k] : 0);
  for (int c = 0; c < g->in.c; c++)
    for (int r = 0; r < g->kernel_h; r++) {
      if (top + r < 0 || top + r >= height) {
        w += kw * outs;
        continue;
      }
      const float *row = x + L * ((long)c * height + top + r) * width;
      row = edge ? window_row(buffer, row, left, n, width, l) : row + L * (long)left;
      for (int s = 0; s < kw; s++, w += outs) UNROLL(4)
      for (int k = 0; k < outs; k++) UNROLL(6)
      for (int b = 0; b < cols; b++)
        a[k][b] = v_fma(v_load(row + l, s + b * stride), v_set(w[k]), a[k][b]);
    }
  UNROLL(4)
  for (int k = 0; k < outs; k++) {
    long site = ((long)(o + k) * g->out.h + g->row + (long)i * g->step) * g->out.w + g->col;
    finish_store(finish, y, a[k], cols, site + (long)j * g->step, g->step, l);
  }
}

/* All pixels of a block of outputs: columns in runs of nearly equal length, at most COLS. */
INLINE void plane(const Correlation *g, float *y, const float *x, const float *w,
                  const float *bias, Finish finish, int o, int l, int outs) {
#define BLOCK(n)                                                                                 \
  case n:                                                                                        \
    block(g, y, x, w, bias, finish, o, i, j, l, outs, n);                                        \
    break;
  int runs = (g->cols + COLS - 1) / COLS;
  for (int i = 0; i < g->rows; i++)
    for (int k = 0, j = 0; k < runs; k++) {
      int end = (int)((long)g->cols * (k + 1) / runs);
      switch (end - j) { BLOCK(1) BLOCK(2) BLOCK(3) BLOCK(4) BLOCK(5) BLOCK(6) }
      j = end;
    }
#undef BLOCK
}

void correlate(const Correlation *g, float *y, const float *x, const float *packed,
               const float *bias, Finish finish) {
  long taps = (long)g->in.c * g->kernel_h * g->kernel_w;
  LANES(l) for (int o = 0, n; o < g->out.c; o += n) {
    const float *w = packed + o * taps;
    n = outs_of(g->out.c - o);
    if (n == 4) plane(g, y, x, w, bias, finish, o, l, 4);
    if (n == 2) plane(g, y, x, w, bias, finish, o, l, 2);
    if (n == 1) plane(g, y, x, w, bias, finish, o, l, 1);
  }
}
