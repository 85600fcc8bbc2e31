#include "net/convolution.h"

#include "net/product.h"
#include "net/winograd.h"

/* One fine image, one coarse pixel: every weight is used once. */
static bool is_product(const Conv *v) {
  return v->coarse.h == 1 && v->coarse.w == 1 && v->padding_h == 0 && v->padding_w == 0 &&
         v->fine.h == v->kernel_h && v->fine.w == v->kernel_w;
}

static long window_of(const Conv *v) { return (long)v->kernel_h * v->kernel_w; }

static long taps_of(const Conv *v) { return v->fine.c * window_of(v); }

static Correlation gather_of(const Conv *v) {
  return (Correlation){.in = v->fine,
                       .out = v->coarse,
                       .kernel_h = v->kernel_h,
                       .kernel_w = v->kernel_w,
                       .stride = v->stride,
                       .top = v->padding_h,
                       .left = v->padding_w,
                       .step = 1,
                       .rows = v->coarse.h,
                       .cols = v->coarse.w};
}

/* One axis of one phase of spread, of a kernel of so many taps. Fine pixel i takes taps f, f +
 * stride, ... with f = (i + padding) mod stride, and tap f + stride t meets coarse pixel (i +
 * padding - f) / stride - t. So all pixels of phase f are a correlation of stride 1 with these
 * taps in reversed order. */
typedef struct Phase {
  int taps, last; /* how many; the first in the order of the correlation */
  int first, n;   /* first pixel, how many pixels (stride apart) */
  int before;     /* window starts this far before the coarse pixel 0 */
} Phase;

static Phase phase_of(int kernel, int padding, int stride, int f, int size) {
  Phase p = {.taps = (kernel - f + stride - 1) / stride};
  if (p.taps < 0) p.taps = 0;
  int skip = padding > f ? (padding - f + stride - 1) / stride : 0;
  p.last = f + stride * (p.taps - 1);
  p.first = skip * stride + f - padding;
  p.n = p.first < size ? (size - p.first + stride - 1) / stride : 0;
  p.before = p.taps - 1 - skip;
  return p;
}

static Phase rows_of(const Conv *v, int f) {
  return phase_of(v->kernel_h, v->padding_h, v->stride, f, v->fine.h);
}

static Phase cols_of(const Conv *v, int f) {
  return phase_of(v->kernel_w, v->padding_w, v->stride, f, v->fine.w);
}

static Correlation spread_of(const Conv *v, Phase y, Phase x) {
  return (Correlation){.in = v->coarse,
                       .out = v->fine,
                       .kernel_h = y.taps,
                       .kernel_w = x.taps,
                       .stride = 1,
                       .top = y.before,
                       .left = x.before,
                       .row = y.first,
                       .col = x.first,
                       .step = v->stride,
                       .rows = y.n,
                       .cols = x.n};
}

Err conv_check_row(Shape in) {
  if (in.h == 1) return OK;
  return err_user("found an image of %d rows coming in, want one row: channels x 1 x points",
                  in.h);
}

/* --- one correlation by the algorithm of its shape --- */

static size_t packed_size(const Correlation *g) {
  return winograd_fits(g) ? winograd_packed_size(g->out.c, g->in.c) : correlate_packed_size(g);
}

static void pack(const Correlation *g, float *packed, Taps taps) {
  if (winograd_fits(g))
    winograd_pack(packed, g->out.c, g->in.c, taps);
  else
    correlate_pack(g, packed, taps);
}

static void run(const Correlation *g, float *y, const float *x, const float *packed,
                const float *bias, Finish finish) {
  if (winograd_fits(g))
    winograd(g, y, x, packed, bias, finish);
  else
    correlate(g, y, x, packed, bias, finish);
}

/* --- packing: first gather, then the phases of spread --- */

static size_t gather_size(const Conv *v) {
  Correlation g = gather_of(v);
  return is_product(v) ? product_packed_size(v->coarse.c, taps_of(v)) : packed_size(&g);
}

size_t conv_packed_size(const Conv *v) {
  size_t n = gather_size(v);
  Correlation gather = gather_of(v);
  if (is_product(v)) return n + product_packed_size(taps_of(v), v->coarse.c);
  if (winograd_fits_back(&gather)) return n + winograd_packed_size(v->fine.c, v->coarse.c);
  for (int fy = 0; fy < v->stride; fy++)
    for (int fx = 0; fx < v->stride; fx++) {
      Correlation g = spread_of(v, rows_of(v, fy), cols_of(v, fx));
      n += packed_size(&g);
    }
  return n;
}

static void pack_spread(const Conv *v, float *packed, const float *w) {
  int k = v->kernel_w;
  for (int fy = 0; fy < v->stride; fy++)
    for (int fx = 0; fx < v->stride; fx++) {
      Phase y = rows_of(v, fy), x = cols_of(v, fx);
      Correlation g = spread_of(v, y, x);
      Taps taps = {.w = w,
                   .out = window_of(v),
                   .in = taps_of(v),
                   .row = -(long)v->stride * k,
                   .col = -v->stride};
      if (y.taps && x.taps) taps.w += (long)y.last * k + x.last;
      pack(&g, packed, taps);
      packed += packed_size(&g);
    }
}

void conv_pack(const Conv *v, float *packed, const float *w) {
  long taps = taps_of(v);
  float *spread = packed + gather_size(v);
  if (is_product(v)) {
    product_pack(packed, w, v->coarse.c, taps, taps, 1);
    product_pack(spread, w, taps, v->coarse.c, 1, taps);
    return;
  }
  Correlation g = gather_of(v);
  pack(&g, packed, (Taps){.w = w, .out = taps, .in = window_of(v), .row = v->kernel_w, .col = 1});
  if (winograd_fits_back(&g))
    winograd_pack(spread, v->fine.c, v->coarse.c,
                  (Taps){.w = w, .out = window_of(v), .in = taps, .row = v->kernel_w, .col = 1});
  else
    pack_spread(v, spread, w);
}

/* --- arithmetic --- */

void conv_gather(const Conv *v, float *coarse, const float *fine, const float *packed,
                 const float *bias, Finish finish) {
  Correlation g = gather_of(v);
  if (is_product(v))
    product(coarse, fine, packed, bias, 1, v->coarse.c, taps_of(v), finish);
  else
    run(&g, coarse, fine, packed, bias, finish);
}

void conv_spread(const Conv *v, float *fine, const float *coarse, const float *packed,
                 const float *bias, Finish finish) {
  Correlation gather = gather_of(v);
  packed += gather_size(v);
  if (is_product(v)) {
    product(fine, coarse, packed, bias, window_of(v), taps_of(v), v->coarse.c, finish);
    return;
  }
  if (winograd_fits_back(&gather)) {
    winograd_back(&gather, fine, coarse, packed, bias, finish);
    return;
  }
  for (int fy = 0; fy < v->stride; fy++)
    for (int fx = 0; fx < v->stride; fx++) {
      Correlation g = spread_of(v, rows_of(v, fy), cols_of(v, fx));
      run(&g, fine, coarse, packed, bias, finish);
      packed += packed_size(&g);
    }
}

void conv_gradient(const Conv *v, float *dw, const float *const *coarse, const float *const *fine,
                   int tiles) {
  Correlation g = gather_of(v);
  if (is_product(v)) {
    product_gradient(dw, coarse, fine, v->coarse.c, taps_of(v), tiles);
    return;
  }
  for (int t = 0; t < tiles; t++) correlate_gradient(&g, dw, coarse[t], fine[t]);
}

void conv_bias_gradient(float *db, const float *const *dy, Shape shape, int tiles) {
  for (int t = 0; t < tiles; t++) correlate_sums(db, dy[t], shape);
}
