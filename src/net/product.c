/* A block of OUTS outputs in registers; each row of x serves them all. On AVX2 both halves of a
 * row go together, so that a weight is fetched once. */
#include "net/product.h"

#include "net/finish.h"
#include "net/turn.h"

enum { PARTS = VL == 8 ? 2 : 1, OUTS = VL == 16 ? 20 : VL == 8 ? 6 : 8 };
enum { AHEAD = 40 }; /* inputs: the weights of a wide layer come from afar, once for each tile */

static long blocks_of(long outs) { return (outs + OUTS - 1) / OUTS; }

size_t product_packed_size(long outs, long ins) {
  return (size_t)(blocks_of(outs) * ins * OUTS + L - 1) / L * L;
}

/* The first n outputs of a block, then zeros. */
INLINE void pack_block(float *restrict packed, const float *restrict w, long ins, long stride_out,
                       long stride_in, long n) {
  for (long i = 0; i < ins; i++, packed += OUTS, w += stride_in) {
    UNROLL(20)
    for (int k = 0; k < OUTS; k++) packed[k] = k < n ? w[k * stride_out] : 0;
  }
}

/* Order: blocks of outputs, inputs, outputs of the block; zeros after the last output. */
void product_pack(float *packed, const float *w, long outs, long ins, long stride_out,
                  long stride_in) {
  for (long o = 0; o < outs; o += OUTS, packed += OUTS * ins, w += OUTS * stride_out)
    if (outs - o < OUTS)
      pack_block(packed, w, ins, stride_out, stride_in, outs - o);
    else if (stride_out == 1)
      pack_block(packed, w, ins, 1, stride_in, OUTS);
    else
      pack_block(packed, w, ins, stride_out, stride_in, OUTS);
}

/* Outputs o .. o + OUTS - 1, lanes l .. l + PARTS VL - 1. */
INLINE void block(float *y, const float *x, const float *w, const float *bias, long per_bias,
                  long outs, long ins, Finish finish, long o, int l) {
  vec a[OUTS][PARTS];
  UNROLL(20)
  for (int k = 0; k < OUTS; k++)
    for (int h = 0; h < PARTS; h++)
      a[k][h] = v_set(bias && o + k < outs ? bias[(o + k) / per_bias] : 0);
  for (long i = 0; i < ins; i++, w += OUTS) {
    for (int k = 0; k < OUTS; k += L) __builtin_prefetch(w + AHEAD * OUTS + k);
    UNROLL(20)
    for (int k = 0; k < OUTS; k++) {
      UNROLL(2)
      for (int h = 0; h < PARTS; h++)
        a[k][h] = v_fma(v_load(x + l + h * VL, i), v_set(w[k]), a[k][h]);
    }
  }
  UNROLL(20)
  for (int k = 0; k < OUTS; k++) {
    if (o + k < outs) {
      UNROLL(2)
      for (int h = 0; h < PARTS; h++)
        finish_store(finish, y, &a[k][h], 1, 1, 1, o + k, 0, 0, l + h * VL);
    }
  }
}

void product(float *y, const float *x, const float *packed, const float *bias, long per_bias,
             long outs, long ins, Finish finish) {
  for (long o = 0; o < outs; o += OUTS)
    for (int l = 0; l < L; l += VL * PARTS)
      block(y, x, packed + o * ins, bias, per_bias, outs, ins, finish, o, l);
}

/* The gradient: one product over k = (tile, lane). x turned to [k][input] gives rows of inputs,
 * dy in its place gives the factors. A panel is COLS inputs wide and TILES tiles deep; a block is
 * ROWS outputs x up to WIDE vectors of inputs. */
enum { COLS = 64, TILES = 8, ROWS = 6, WIDE = VL == 8 ? 2 : 4 };

/* panel[16 t + l][i] = x[t][from + i][l], zeros after the last input, as far as they are looked
 * at. */
static void turn_panel(float *panel, const float *const *x, long from, long ins, int tiles) {
  for (int t = 0; t < tiles; t++)
    for (long i = 0; i < COLS && from + i < ins; i += L) {
      long left = ins - from - i;
      turn(panel + t * L * COLS + i, COLS, L, x[t] + (from + i) * L, L, left < L ? (int)left : L);
    }
}

/* dw (rows, n), `ins` apart, += rows of dy from o on times the columns of a panel; the first
 * `skip` rows are left as they are. */
INLINE void corner(float *dw, long ins, const float *const *dy, const float *panel, long o,
                   int tiles, int rows, int wide, int skip, long n) {
  _Alignas(64) float sum[ROWS * WIDE * VL];
  vec a[ROWS][WIDE];
  for (int k = skip; k < rows; k++)
    for (long i = 0; i < n; i += L) __builtin_prefetch(dw + (o + k) * ins + i, 1);
  UNROLL(6)
  for (int k = 0; k < rows; k++) {
    UNROLL(4)
    for (int b = 0; b < wide; b++) a[k][b] = v_set(0);
  }
  for (int t = 0; t < tiles; t++)
    for (int l = 0; l < L; l++, panel += COLS) {
      const float *d = dy[t] + o * L + l;
      UNROLL(6)
      for (int k = 0; k < rows; k++) {
        UNROLL(4)
        for (int b = 0; b < wide; b++)
          a[k][b] = v_fma(*(const vec *)(panel + b * VL), v_set(d[k * L]), a[k][b]);
      }
    }
  UNROLL(6)
  for (int k = 0; k < rows; k++) {
    UNROLL(4)
    for (int b = 0; b < wide; b++) *(vec *)(sum + (k * wide + b) * VL) = a[k][b];
  }
  for (int k = skip; k < rows; k++)
    for (long i = 0; i < n; i++) dw[(o + k) * ins + i] += sum[k * wide * VL + i];
}

/* All outputs for n inputs; the last block overlaps the one before. */
INLINE void column(float *dw, long ins, const float *const *dy, const float *panel, long outs,
                   int tiles, int wide, long n) {
  if (outs < ROWS) {
    for (long o = 0; o < outs; o++) corner(dw, ins, dy, panel, o, tiles, 1, wide, 0, n);
    return;
  }
  for (long o = 0; o < outs; o += ROWS) {
    long first = o + ROWS > outs ? outs - ROWS : o;
    corner(dw, ins, dy, panel, first, tiles, ROWS, wide, (int)(o - first), n);
  }
}

/* The width as a constant. */
static void column_of(float *dw, long ins, const float *const *dy, const float *panel, long outs,
                      int tiles, long n) {
  if (n <= VL)
    column(dw, ins, dy, panel, outs, tiles, 1, n);
  else if (n <= 2 * VL)
    column(dw, ins, dy, panel, outs, tiles, 2, n);
  else if (n <= 3 * VL)
    column(dw, ins, dy, panel, outs, tiles, WIDE < 3 ? WIDE : 3, n);
  else
    column(dw, ins, dy, panel, outs, tiles, WIDE, n);
}

void product_gradient(float *dw, const float *const *dy, const float *const *x, long outs,
                      long ins, int tiles) {
  _Alignas(64) float panel[TILES * L * COLS];
  for (int t = 0; t < tiles; t += TILES) {
    int deep = tiles - t < TILES ? tiles - t : TILES;
    for (long from = 0; from < ins; from += COLS) {
      turn_panel(panel, x + t, from, ins, deep);
      for (long c = 0; c < COLS && from + c < ins; c += WIDE * VL) {
        long left = ins - from - c;
        column_of(dw + from + c, ins, dy + t, panel + c, outs, deep,
                  left < WIDE * VL ? left : WIDE * VL);
      }
    }
  }
}
