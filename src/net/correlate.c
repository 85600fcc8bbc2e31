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

/* What all blocks of a few outputs share. A block takes a copy, so that no store to y can seem to
 * change it; what differs from row to row comes apart, because reading a struct as a whole just
 * after a part of it was stored would wait for all the outputs stored before. */
typedef struct Plane {
  float *y;
  const float *bias;   /* of the first output; NULL: zeros */
  long y_plane, y_row; /* sites from output to output, from row to row */
  long x_plane, x_row; /* floats from channel to channel, from row to row */
  long w_channel;      /* floats from channel to channel */
  int channels, taps_w, stride, step, left, width, height, l;
  Finish finish;
} Plane;

/* A row of outputs: tap rows inside the image. */
typedef struct Row {
  const float *x, *w; /* at the first tap row, image column 0 */
  long site;          /* of column 0 of the first output */
  int taps_h;
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

/* Columns j .. j + cols - 1 of a row; outs and cols are constants. */
INLINE void block(const Plane *plane, const Row *row, int j, int outs, int cols, int taps_w,
                  int stride, bool three, bool edge) {
  const Plane p = *plane;
  const float *x_row = row->x, *w_row = row->w;
  const long site = row->site + (long)j * p.step;
  const int taps_h = row->taps_h, left = j * stride - p.left;
  vec a[OUTS][COLS];
  UNROLL(4)
  for (int k = 0; k < outs; k++) {
    vec bias = v_set(p.bias ? p.bias[k] : 0);
    UNROLL(10)
    for (int b = 0; b < cols; b++) a[k][b] = bias;
  }
  for (int c = 0; c < p.channels; c++, x_row += p.x_plane, w_row += p.w_channel) {
    const float *x = x_row, *w = w_row;
    for (int r = 0; r < taps_h; r++, x += p.x_row, w += taps_w * outs)
      if (three)
        add_row3(a, x, w, left, p.width, outs, cols, edge);
      else
        add_row(a, x, w, left, p.width, outs, cols, taps_w, stride, edge);
  }
  finish_store(p.finish, p.y, a[0], COLS, outs, cols, site, p.y_plane, three ? 1 : p.step, p.l);
}

/* One output, 3x3 taps of stride 1: two rows of outputs at once, so that a row of x is fetched
 * twice and not three times. The nine weights of a channel stay in registers. row->x is at the
 * image's row 0, and `top` counts the first tap row from there. */
INLINE void pair_block(const Plane *plane, const Row *row, int top, int j, int cols, bool edge) {
  const Plane p = *plane;
  const float *x_row = row->x + top * p.x_row, *w_row = row->w;
  const long site = row->site + j;
  const int left = j - p.left;
  vec a[2][COLS];
  UNROLL(2)
  for (int q = 0; q < 2; q++) {
    UNROLL(10)
    for (int b = 0; b < cols; b++) a[q][b] = v_set(p.bias ? *p.bias : 0);
  }
  for (int c = 0; c < p.channels; c++, x_row += p.x_plane, w_row += 9) {
    vec w[9];
    UNROLL(9)
    for (int k = 0; k < 9; k++) w[k] = v_set(w_row[k]);
    UNROLL(4)
    for (int r = 0; r < 4; r++) {
      if (top + r < 0 || top + r >= p.height) continue;
      UNROLL(12)
      for (int b = 0; b < cols + 2; b++) {
        vec in = column(x_row + r * p.x_row, left + b, p.width, edge);
        UNROLL(3)
        for (int s = 0; s < 3; s++) {
          if (b < s || b - s >= cols) continue;
          if (r < 3) a[0][b - s] = v_fma(in, w[3 * r + s], a[0][b - s]);
          if (r > 0) a[1][b - s] = v_fma(in, w[3 * r - 3 + s], a[1][b - s]);
        }
      }
    }
  }
  finish_store(p.finish, p.y, a[0], COLS, 2, cols, site, p.y_row, 1, p.l);
}

/* The blocks that there are: inside the image and at its edge, for three taps of stride 1 and
 * any. */
typedef void Block(const Plane *p, const Row *row, int j);
#define BLOCK(outs, cols)                                                                        \
  static void inside3_##outs##_##cols(const Plane *p, const Row *row, int j) {                   \
    block(p, row, j, outs, cols, 3, 1, true, false);                                             \
  }                                                                                              \
  static void edge3_##outs##_##cols(const Plane *p, const Row *row, int j) {                     \
    block(p, row, j, outs, cols, 3, 1, true, true);                                              \
  }                                                                                              \
  static void inside_##outs##_##cols(const Plane *p, const Row *row, int j) {                    \
    block(p, row, j, outs, cols, p->taps_w, p->stride, false, false);                            \
  }                                                                                              \
  static void edge_##outs##_##cols(const Plane *p, const Row *row, int j) {                      \
    block(p, row, j, outs, cols, p->taps_w, p->stride, false, true);                             \
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
  Block *block[2][2]; /* [three taps, stride and step 1][edge] */
} Choice;

enum { WIDTHS = 3 };
BLOCK(4, 1)
BLOCK(4, 2)
BLOCK(1, 1)
BLOCK(1, 4)
#if VL == 16
BLOCK(4, 5)
BLOCK(1, 10) static const Choice four[WIDTHS] = {CHOICES(4, 5), CHOICES(4, 2), CHOICES(4, 1)};
static const Choice one[WIDTHS] = {CHOICES(1, 10), CHOICES(1, 4), CHOICES(1, 1)};
#else
BLOCK(4, 3)
BLOCK(1, 8) static const Choice four[WIDTHS] = {CHOICES(4, 3), CHOICES(4, 2), CHOICES(4, 1)};
static const Choice one[WIDTHS] = {CHOICES(1, 8), CHOICES(1, 4), CHOICES(1, 1)};
#endif

/* All columns of a row by the widest block that fits; the last one may overlap the one before. */
static void row_blocks(const Plane *p, const Row *row, const Choice *choice, int cols) {
  bool three = p->taps_w == 3 && p->stride == 1 && p->step == 1;
  while (choice->cols > cols) choice++;
  int n = choice->cols, reach = (n - 1) * p->stride + p->taps_w;
  for (int k = 0; k < cols; k += n) {
    int j = k + n > cols ? cols - n : k, left = j * p->stride - p->left;
    bool edge = left < 0 || left + reach > p->width;
    choice->block[three][edge](p, row, j);
  }
}

static void pair_blocks(const Plane *p, const Row *row, int top, int cols) {
  for (int k = 0; k < cols; k += PAIR) {
    int j = k + PAIR > cols ? cols - PAIR : k, left = j - p->left;
    if (left < 0 || left + PAIR + 2 > p->width)
      pair_block(p, row, top, j, PAIR, true);
    else
      pair_block(p, row, top, j, PAIR, false);
  }
}

static bool takes_pairs(const Correlation *g) {
  return g->kernel_h == 3 && g->kernel_w == 3 && g->stride == 1 && g->step == 1 && g->rows >= 2 &&
         g->cols >= PAIR;
}

/* Rows one by one; tap rows outside the image are left out. first: as of row 0 and tap row 0. */
static void all_rows(const Correlation *g, const Plane *p, const Row *first, int outs) {
  for (int i = 0; i < g->rows; i++) {
    int top = i * g->stride - g->top;
    int from = top < 0 ? -top : 0, to = top + g->kernel_h > g->in.h ? g->in.h - top : g->kernel_h;
    Row row = {.x = first->x + p->x_row * (top + from),
               .w = first->w + (long)from * g->kernel_w * outs,
               .site = first->site + i * p->y_row,
               .taps_h = to > from ? to - from : 0};
    row_blocks(p, &row, outs == OUTS ? four : one, g->cols);
  }
}

/* Rows two by two; of an odd number the last pair overlaps the one before it. */
static void all_pairs(const Correlation *g, const Plane *p, const Row *first) {
  for (int k = 0; k < g->rows; k += 2) {
    int i = k + 2 > g->rows ? g->rows - 2 : k;
    Row row = {.x = first->x, .w = first->w, .site = first->site + i * p->y_row};
    pair_blocks(p, &row, i - g->top, g->cols);
  }
}

void correlate(const Correlation *g, float *y, const float *x, const float *packed,
               const float *bias, Finish finish) {
  const long taps = (long)g->kernel_h * g->kernel_w;
  LANES(l) for (int o = 0, n; o < g->out.c; o += n) {
    n = outs_of(g->out.c - o);
    Plane p = {.y = y,
               .bias = bias ? bias + o : NULL,
               .y_plane = (long)g->out.h * g->out.w,
               .y_row = (long)g->step * g->out.w,
               .x_plane = (long)L * g->in.h * g->in.w,
               .x_row = (long)L * g->in.w,
               .w_channel = taps * n,
               .channels = g->in.c,
               .taps_w = g->kernel_w,
               .stride = g->stride,
               .step = g->step,
               .left = g->left,
               .width = g->in.w,
               .height = g->in.h,
               .l = l,
               .finish = finish};
    Row first = {.x = x + l,
                 .w = packed + o * taps * g->in.c,
                 .site = o * p.y_plane + (long)g->row * g->out.w + g->col};
    if (n == 1 && takes_pairs(g))
      all_pairs(g, &p, &first);
    else
      all_rows(g, &p, &first, n);
  }
}
