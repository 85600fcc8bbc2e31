/* The direct kernel: a block of OUTS output channels x COLS columns in registers, each row of x
 * that is loaded serves OUTS products, each weight COLS. */
#include "net/correlate.h"

#include "net/finish.h"

enum { OUTS = 4, COLS = VL == 16 ? 5 : 3 };

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

/* What a block reads and writes. */
typedef struct Plane {
  const Correlation *g;
  float *y;
  const float *x, *w, *bias;
  Finish finish;
  int o, l; /* first output channel, first lane */
} Plane;

/* a (outs, cols) += taps of one kernel row w (kernel_w, outs) on a row of x from column `left`.
 * Only at an edge are columns outside looked for; they count as zeros. */
INLINE void add_row(vec a[OUTS][COLS], const float *row, const float *w, int left, int width,
                    int outs, int cols, int kernel_w, int stride, bool edge) {
  for (int s = 0; s < kernel_w; s++, w += outs) {
    vec in[COLS];
    UNROLL(5)
    for (int b = 0; b < cols; b++) {
      int col = left + s + b * stride;
      in[b] = edge && (col < 0 || col >= width) ? v_set(0) : v_load(row, col);
    }
    UNROLL(4)
    for (int k = 0; k < outs; k++) {
      UNROLL(5)
      for (int b = 0; b < cols; b++) a[k][b] = v_fma(in[b], v_set(w[k]), a[k][b]);
    }
  }
}

/* One block: `outs` outputs, row i, columns j .. j + cols - 1. */
INLINE void block(const Plane *p, int i, int j, int outs, int cols, int kernel_w, int stride) {
  const Correlation *g = p->g;
  const float *w = p->w;
  vec a[OUTS][COLS];
  int top = i * stride - g->top, left = j * stride - g->left, width = g->in.w;
  bool edge = left < 0 || left + (cols - 1) * stride + kernel_w > width;
  UNROLL(4)
  for (int k = 0; k < outs; k++) {
    UNROLL(5)
    for (int b = 0; b < cols; b++) a[k][b] = v_set(p->bias ? p->bias[p->o + k] : 0);
  }
  for (int c = 0; c < g->in.c; c++)
    for (int r = top; r < top + g->kernel_h; r++, w += kernel_w * outs) {
      const float *row = p->x + p->l + L * ((long)c * g->in.h + r) * width;
      if (r < 0 || r >= g->in.h) continue;
      if (edge)
        add_row(a, row, w, left, width, outs, cols, kernel_w, stride, true);
      else
        add_row(a, row, w, left, width, outs, cols, kernel_w, stride, false);
    }
  UNROLL(4)
  for (int k = 0; k < outs; k++) {
    long site = ((long)(p->o + k) * g->out.h + g->row + (long)i * g->step) * g->out.w + g->col;
    finish_store(p->finish, p->y, a[k], cols, site + (long)j * g->step, g->step, p->l);
  }
}

/* The blocks that there are, by outputs and columns; each for 3 taps in a row, stride 1, and for
 * any. */
typedef void Block(const Plane *p, int i, int j);
#define BLOCK(outs, cols)                                                                        \
  static void block3_##outs##_##cols(const Plane *p, int i, int j) {                             \
    block(p, i, j, outs, cols, 3, 1);                                                            \
  }                                                                                              \
  static void block_##outs##_##cols(const Plane *p, int i, int j) {                              \
    block(p, i, j, outs, cols, p->g->kernel_w, p->g->stride);                                    \
  }
#define BLOCKS(outs) BLOCK(outs, 1) BLOCK(outs, 2) BLOCK(outs, 3) BLOCK_4_5(outs)
#define NAMES(b)                                                                                 \
  { NULL, b##_1, b##_2, b##_3, NAMES_4_5(b) }
#if VL == 16
#define BLOCK_4_5(outs) BLOCK(outs, 4) BLOCK(outs, 5)
#define NAMES_4_5(b)    b##_4, b##_5
#else
#define BLOCK_4_5(outs)
#define NAMES_4_5(b)
#endif
BLOCKS(1)
BLOCKS(2)
BLOCKS(4) static Block *const blocks3[OUTS + 1][COLS + 1] = {
    [1] = NAMES(block3_1), [2] = NAMES(block3_2), [4] = NAMES(block3_4)};
static Block *const blocks[OUTS + 1][COLS + 1] = {
    [1] = NAMES(block_1), [2] = NAMES(block_2), [4] = NAMES(block_4)};

/* All pixels: columns in runs of nearly equal length, at most COLS. */
static void plane(const Plane *p, Block *const *block) {
  const Correlation *g = p->g;
  int runs = (g->cols + COLS - 1) / COLS;
  for (int i = 0; i < g->rows; i++)
    for (int k = 0, j = 0; k < runs; k++) {
      int end = (int)((long)g->cols * (k + 1) / runs);
      block[end - j](p, i, j);
      j = end;
    }
}

void correlate(const Correlation *g, float *y, const float *x, const float *packed,
               const float *bias, Finish finish) {
  long taps = (long)g->in.c * g->kernel_h * g->kernel_w;
  bool three = g->kernel_w == 3 && g->stride == 1;
  LANES(l) for (int o = 0, n; o < g->out.c; o += n) {
    Plane p = {g, y, x, packed + o * taps, bias, finish, o, l};
    n = outs_of(g->out.c - o);
    plane(&p, three ? blocks3[n] : blocks[n]);
  }
}
