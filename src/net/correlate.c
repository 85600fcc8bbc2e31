/* The direct kernel: a block of outputs x columns in registers; each row of x that is loaded
 * serves all the outputs, each weight all the columns. Two kinds of blocks: four outputs, or one
 * output and more columns. How a row of outputs is cut into blocks leaves each output's own sum
 * alone. */
#include "net/correlate.h"

#include "net/finish.h"

enum { OUTS = 4, COLS = 10 }; /* the most that a block has */
enum { PAIR = VL == 16 ? 10 : 5 };

static int outs_of(int left) { return left >= OUTS ? OUTS : 1; }

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

/* A row of outputs, as its blocks see it: lanes from l, tap rows inside the image. */
typedef struct Row {
  float *y;
  const float *x, *w, *bias; /* the first tap row's; bias of the first output, NULL: zeros */
  long site, y_plane, y_row; /* first site; sites from output to output, from row to row */
  long x_plane, x_row;       /* floats from channel to channel, from row to row */
  long w_channel;            /* floats from channel to channel */
  int channels, taps_h, taps_w, stride, step, left, width, l;
  Finish finish;
} Row;

/* Column `col` of a row of x; zeros outside the image, which is looked for at an edge only. */
INLINE vec column(const float *x, int col, int width, bool edge) {
  return edge && (col < 0 || col >= width) ? v_set(0) : v_load(x, col);
}

/* a (outs, cols) += taps of one kernel row w (taps_w, outs) on a row of x from column `left`. */
INLINE void add_row(vec a[OUTS][COLS], const float *x, const float *w, int left, int width,
                    int outs, int cols, int taps_w, int stride, bool edge) {
  for (int s = 0; s < taps_w; s++, w += outs) {
    vec in[COLS];
    UNROLL(10)
    for (int b = 0; b < cols; b++) in[b] = column(x, left + s + b * stride, width, edge);
    UNROLL(4)
    for (int k = 0; k < outs; k++) {
      UNROLL(10)
      for (int b = 0; b < cols; b++) a[k][b] = v_fma(in[b], v_set(w[k]), a[k][b]);
    }
  }
}

/* The same for three taps of stride 1: each column is fetched once. */
INLINE void add_row3(vec a[OUTS][COLS], const float *x, const float *w, int left, int width,
                     int outs, int cols, bool edge) {
  vec in[COLS + 2];
  UNROLL(12)
  for (int b = 0; b < cols + 2; b++) in[b] = column(x, left + b, width, edge);
  UNROLL(3)
  for (int s = 0; s < 3; s++) {
    UNROLL(4)
    for (int k = 0; k < outs; k++) {
      UNROLL(10)
      for (int b = 0; b < cols; b++) a[k][b] = v_fma(in[b + s], v_set(w[s * outs + k]), a[k][b]);
    }
  }
}

/* Columns j .. j + cols - 1 of the row; outs and cols are constants. */
INLINE void block(const Row *p, int j, int outs, int cols, int taps_w, int stride, bool three,
                  bool edge) {
  const Row row = *p; /* so that no store to y can seem to change it */
  const int left = j * stride - row.left;
  vec a[OUTS][COLS];
  UNROLL(4)
  for (int k = 0; k < outs; k++) {
    vec bias = v_set(row.bias ? row.bias[k] : 0);
    UNROLL(10)
    for (int b = 0; b < cols; b++) a[k][b] = bias;
  }
  for (int c = 0; c < row.channels; c++) {
    const float *x = row.x + c * row.x_plane, *w = row.w + c * row.w_channel;
    for (int r = 0; r < row.taps_h; r++, x += row.x_row, w += taps_w * outs)
      if (three)
        add_row3(a, x, w, left, row.width, outs, cols, edge);
      else
        add_row(a, x, w, left, row.width, outs, cols, taps_w, stride, edge);
  }
  UNROLL(4)
  for (int k = 0; k < outs; k++)
    finish_store(row.finish, row.y, a[k], cols, row.site + k * row.y_plane + (long)j * row.step,
                 row.step, row.l);
}

/* One output, 3x3 taps of stride 1: two rows of outputs at once, so that a row of x is fetched
 * twice and not three times. The nine weights of a channel stay in registers. `top` counts the
 * first tap row from the first row of the image. */
INLINE void pair_block(const Row *p, int top, int height, int j, int cols, bool edge) {
  const Row row = *p; /* so that no store to y can seem to change it */
  const int left = j - row.left;
  vec a[2][COLS];
  UNROLL(2)
  for (int q = 0; q < 2; q++) {
    UNROLL(10)
    for (int b = 0; b < cols; b++) a[q][b] = v_set(row.bias ? *row.bias : 0);
  }
  for (int c = 0; c < row.channels; c++) {
    vec w[9];
    UNROLL(9)
    for (int k = 0; k < 9; k++) w[k] = v_set(row.w[9 * c + k]);
    UNROLL(4)
    for (int r = 0; r < 4; r++) {
      const float *x = row.x + c * row.x_plane + (top + r) * row.x_row;
      if (top + r < 0 || top + r >= height) continue;
      UNROLL(12)
      for (int b = 0; b < cols + 2; b++) {
        vec in = column(x, left + b, row.width, edge);
        UNROLL(3)
        for (int s = 0; s < 3; s++) {
          if (b < s || b - s >= cols) continue;
          if (r < 3) a[0][b - s] = v_fma(in, w[3 * r + s], a[0][b - s]);
          if (r > 0) a[1][b - s] = v_fma(in, w[3 * r - 3 + s], a[1][b - s]);
        }
      }
    }
  }
  UNROLL(2)
  for (int q = 0; q < 2; q++)
    finish_store(row.finish, row.y, a[q], cols, row.site + q * row.y_row + j, 1, row.l);
}

/* The blocks that there are: inside the image and at its edge, for three taps of stride 1 and
 * any. */
typedef void Block(const Row *row, int j);
#define BLOCK(outs, cols)                                                                        \
  static void inside3_##outs##_##cols(const Row *row, int j) {                                   \
    block(row, j, outs, cols, 3, 1, true, false);                                                \
  }                                                                                              \
  static void edge3_##outs##_##cols(const Row *row, int j) {                                     \
    block(row, j, outs, cols, 3, 1, true, true);                                                 \
  }                                                                                              \
  static void inside_##outs##_##cols(const Row *row, int j) {                                    \
    block(row, j, outs, cols, row->taps_w, row->stride, false, false);                           \
  }                                                                                              \
  static void edge_##outs##_##cols(const Row *row, int j) {                                      \
    block(row, j, outs, cols, row->taps_w, row->stride, false, true);                            \
  }
#define CHOICES(outs, cols)                                                                      \
  {                                                                                              \
    cols, {                                                                                      \
      {inside_##outs##_##cols, edge_##outs##_##cols}, {                                          \
        inside3_##outs##_##cols, edge3_##outs##_##cols                                           \
      }                                                                                          \
    }                                                                                            \
  }
typedef struct Choice {
  int cols;
  Block *block[2][2]; /* [three taps][edge] */
} Choice;

enum { WIDTHS = 3 };
BLOCK(4, 1)
BLOCK(4, 2)
BLOCK(1, 1)
BLOCK(1, 4)
#if VL == 16
    BLOCK(4, 5) BLOCK(1, 10) static const Choice four[WIDTHS] = {CHOICES(4, 5), CHOICES(4, 2),
                                                                 CHOICES(4, 1)};
static const Choice one[WIDTHS] = {CHOICES(1, 10), CHOICES(1, 4), CHOICES(1, 1)};
#else
    BLOCK(4, 3) BLOCK(1, 8) static const Choice four[WIDTHS] = {CHOICES(4, 3), CHOICES(4, 2),
                                                                CHOICES(4, 1)};
static const Choice one[WIDTHS] = {CHOICES(1, 8), CHOICES(1, 4), CHOICES(1, 1)};
#endif

/* All columns of a row by the widest block that fits; the last one may overlap the one before it.
 */
static void row_blocks(const Row *row, const Choice *choice, int cols) {
  bool three = row->taps_w == 3 && row->stride == 1;
  while (choice->cols > cols) choice++;
  int n = choice->cols, reach = (n - 1) * row->stride + row->taps_w;
  for (int k = 0; k < cols; k += n) {
    int j = k + n > cols ? cols - n : k, left = j * row->stride - row->left;
    bool edge = left < 0 || left + reach > row->width;
    choice->block[three][edge](row, j);
  }
}

static void pair_blocks(const Row *row, int top, int height, int cols) {
  for (int k = 0; k < cols; k += PAIR) {
    int j = k + PAIR > cols ? cols - PAIR : k, left = j - row->left;
    if (left < 0 || left + PAIR + 2 > row->width)
      pair_block(row, top, height, j, PAIR, true);
    else
      pair_block(row, top, height, j, PAIR, false);
  }
}

static bool takes_pairs(const Correlation *g) {
  return g->kernel_h == 3 && g->kernel_w == 3 && g->stride == 1 && g->step == 1 && g->rows >= 2 &&
         g->cols >= PAIR;
}

/* Rows one by one; tap rows outside the image are left out. */
static void all_rows(const Correlation *g, Row *row, int outs) {
  const float *x = row->x, *w = row->w;
  long site = row->site;
  for (int i = 0; i < g->rows; i++) {
    int top = i * g->stride - g->top;
    int from = top < 0 ? -top : 0, to = top + g->kernel_h > g->in.h ? g->in.h - top : g->kernel_h;
    row->taps_h = to > from ? to - from : 0;
    row->site = site + i * row->y_row;
    row->x = x + row->x_row * (top + from);
    row->w = w + (long)from * g->kernel_w * outs;
    row_blocks(row, outs == OUTS ? four : one, g->cols);
  }
}

/* Rows two by two; of an odd number the last pair overlaps the one before it. */
static void all_pairs(const Correlation *g, Row *row) {
  long site = row->site;
  for (int k = 0; k < g->rows; k += 2) {
    int i = k + 2 > g->rows ? g->rows - 2 : k;
    row->site = site + i * row->y_row;
    pair_blocks(row, i - g->top, g->in.h, g->cols);
  }
}

/* A Row is filled in place and never copied: reading back as a whole what was just stored in
 * parts would wait for all the outputs stored before it. */
void correlate(const Correlation *g, float *y, const float *x, const float *packed,
               const float *bias, Finish finish) {
  const long taps = (long)g->kernel_h * g->kernel_w;
  Row row = {.y = y, .finish = finish};
  row.y_plane = (long)g->out.h * g->out.w, row.y_row = (long)g->step * g->out.w;
  row.x_plane = (long)L * g->in.h * g->in.w, row.x_row = (long)L * g->in.w;
  row.channels = g->in.c, row.taps_w = g->kernel_w, row.stride = g->stride, row.step = g->step;
  row.left = g->left, row.width = g->in.w;
  LANES(l) for (int o = 0, n; o < g->out.c; o += n) {
    n = outs_of(g->out.c - o);
    row.x = x + l, row.l = l, row.w = packed + o * taps * g->in.c;
    row.bias = bias ? bias + o : NULL;
    row.w_channel = taps * n;
    row.site = o * row.y_plane + (long)g->row * g->out.w + g->col;
    if (n == 1 && takes_pairs(g))
      all_pairs(g, &row);
    else
      all_rows(g, &row, n);
  }
}
