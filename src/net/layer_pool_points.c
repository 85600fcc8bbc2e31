/* pool_points: one value per feature from a set of points, whatever their order:
 *   sum: of the points; mean: over the points present; max: the largest of them.
 * `weighted` (sum, mean) takes each point by its first feature, p_t, the pT share:
 *   sum of p_t x_t, and for the mean that over the sum of p_t, gradients to p_t included.
 * A set without points gives zeros.
 *
 * Kept: the points present; for max, "this one beats all before it" of each feature and point;
 * for weights, x, y and the sums' divisors. */
#include <math.h>

#include "base/whole.h"
#include "net/points.h"
#include "num/tvec.h"

enum { POOLING, WEIGHTED };
enum { MEAN, MAX, SUM };

static const char *const poolings[] = {"mean", "max", "sum", NULL};

static const Attr attrs[] = {{.name = "pooling",
                              .kind = ATTR_CHOICE,
                              .max = 2,
                              .choices = poolings,
                              .help = "what is made of the points"},
                             {.name = "weighted",
                              .kind = ATTR_BOOL,
                              .max = 1,
                              .help = "each point counts by its first feature, the pT share"},
                             {0}};

static Err shape(Node *node) {
  TRY(points_check(node->in));
  if (node->attr[POOLING] == MAX && node->attr[WEIGHTED])
    return err_user("found weighted: true with pooling: max, want mean or sum");
  node->out = (Shape){node->in.c, 1, 1};
  return OK;
}

static int points(const Node *node) { return POINTS_READ; }

static bool is(const Node *node, int pooling) { return node->attr[POOLING] == pooling; }

/* ---- what is kept ---- */

static size_t present_bytes(const Node *node) {
  return whole_lines((size_t)node->in.w * sizeof(uint16_t));
}

static size_t kept_size(const Node *node) {
  size_t rows = (size_t)shape_size(node->in), row = L * sizeof(float);
  size_t winners = is(node, MAX) ? whole_lines(rows * sizeof(uint16_t)) : 0;
  size_t values = node->attr[WEIGHTED] ? (rows + (size_t)node->in.c) * row : 0;
  return present_bytes(node) + winners + values + row;
}

/* Parts of it: the winners or the divisors, then x, then y. */
static void *more_of(const Node *node, const void *kept) {
  return (uint8_t *)kept + present_bytes(node);
}

/* ---- sum and mean, with tangents or without (NULL) ---- */

INLINE tvec weight_of(const Node *node, const float *x, const float *xt, int l, int t) {
  return node->attr[WEIGHTED] ? t_load(x, xt, l, t) : t_set(1);
}

/* One over the number of points or over the sum of weights; 0 where that is 0; for sums 1. */
INLINE tvec divisor(const Node *node, const float *x, const float *xt, const uint16_t *present,
                    int l) {
  const tvec zero = t_set(0), one = t_set(1);
  tvec sum = zero;
  for (int t = 0; t < node->in.w; t++)
    sum = t_add(sum, t_select(m_load(present + t, l), weight_of(node, x, xt, l, t), zero));
  if (is(node, SUM)) return one;
  mask some = v_gt(sum.v, zero.v);
  return t_select(some, t_inverse(t_select(some, sum, one)), zero);
}

INLINE void sums(const Node *node, float *y, float *yt, const float *x, const float *xt,
                 const uint16_t *present, tvec scale, int l) {
  for (int c = 0; c < node->in.c; c++) {
    tvec sum = t_set(0);
    for (int t = 0; t < node->in.w; t++) {
      tvec v = t_load(x, xt, l, (long)c * node->in.w + t);
      v = t_select(m_load(present + t, l), v, t_set(0)); /* an absent point has no tangent */
      sum = t_fma(weight_of(node, x, xt, l, t), v, sum);
    }
    t_store(y, yt, l, c, t_mul(sum, scale));
  }
}

/* x (in) and y (out) behind the divisors. */
static void keep(const Node *node, float *more, const float *x, const float *y) {
  size_t ins = (size_t)shape_size(node->in) * L, outs = (size_t)node->in.c * L;
  if (!more || !node->attr[WEIGHTED]) return;
  memcpy(more + L, x, ins * sizeof *x);
  memcpy(more + L + ins, y, outs * sizeof *y);
}

INLINE void sums_forward(const Node *node, float *y, float *yt, const uint16_t *present,
                         float *more, float *more_t, const float *x, const float *xt) {
  LANES(l) {
    tvec scale = divisor(node, x, xt, present, l);
    sums(node, y, yt, x, xt, present, scale, l);
    if (more) t_store(more, more_t, l, 0, scale);
  }
  keep(node, more, x, y);
  keep(node, more_t, xt, yt);
}

/* Gradient to the weight of point t: the sum over features of dy (x - y) / (sum of weights); for
 * sums, of dy x. */
INLINE tvec to_weight(const Node *node, const float *dy, const float *dyt, const float *more,
                      const float *more_t, tvec scale, int t, int l) {
  long y = 1 + shape_size(node->in);
  tvec sum = t_set(0);
  for (int c = 0; c < node->in.c; c++) {
    tvec v = t_load(more, more_t, l, 1 + (long)c * node->in.w + t);
    if (is(node, MEAN)) v = t_sub(v, t_load(more, more_t, l, y + c));
    sum = t_fma(t_load(dy, dyt, l, c), v, sum);
  }
  return t_mul(sum, scale);
}

INLINE void sums_backward(const Node *node, float *dx, float *dxt, const float *dy,
                          const float *dyt, const uint16_t *present, const float *more,
                          const float *more_t) {
  const tvec zero = t_set(0);
  const float *x = more + L, *xt = more_t ? more_t + L : NULL;
  int points = node->in.w;
  LANES(l) {
    tvec scale = t_load(more, more_t, l, 0);
    for (long i = 0; i < shape_size(node->in); i++) {
      int t = (int)(i % points);
      tvec weight = weight_of(node, x, xt, l, t);
      tvec share = t_mul(t_mul(scale, weight), t_load(dy, dyt, l, i / points));
      t_store(dx, dxt, l, i, t_select(m_load(present + t, l), share, zero));
    }
    for (int t = 0; t < points && node->attr[WEIGHTED]; t++) {
      tvec more_here = to_weight(node, dy, dyt, more, more_t, scale, t, l);
      tvec first = t_add(t_load(dx, dxt, l, t), more_here);
      t_store(dx, dxt, l, t, t_select(m_load(present + t, l), first, zero));
    }
  }
}

/* ---- max ---- */

static void max_forward(const Node *node, float *y, const uint16_t *present, uint16_t *won,
                        const float *x) {
  const vec least = v_set(-INFINITY);
  for (int c = 0; c < node->in.c; c++) LANES(l) {
      vec best = least;
      for (int t = 0; t < node->in.w; t++) {
        long site = (long)c * node->in.w + t;
        vec v = v_select(m_load(present + t, l), v_load(x + l, site), least);
        mask beats = v_gt(v, best);
        if (won) m_store(won + site, l, beats);
        best = v_select(beats, v, best);
      }
      v_store(y + l, c, v_select(v_gt(best, least), best, v_set(0)));
    }
}

/* The winners' tangents: the last that beat all before it. */
static void max_follow(const Node *node, float *yt, const uint16_t *won, const float *xt) {
  for (int c = 0; c < node->in.c; c++) LANES(l) {
      vec best = v_set(0);
      for (int t = 0; t < node->in.w; t++) {
        long site = (long)c * node->in.w + t;
        best = v_select(m_load(won + site, l), v_load(xt + l, site), best);
      }
      v_store(yt + l, c, best);
    }
}

static void max_backward(const Node *node, float *dx, const float *dy, const uint16_t *won) {
  const vec zero = v_set(0);
  for (int c = 0; c < node->in.c; c++) LANES(l) {
      vec rest = v_load(dy + l, c);
      for (int t = node->in.w - 1; t >= 0; t--) {
        long site = (long)c * node->in.w + t;
        mask here = m_load(won + site, l);
        v_store(dx + l, site, v_select(here, rest, zero));
        rest = v_select(here, zero, rest);
      }
    }
}

/* ---- both ---- */

static void forward(const Node *node, float *y, void *kept, const float *x, const float *w,
                    const float *packed, Finish finish) {
  uint16_t own[POINTS_MAX], *present = kept ? kept : own;
  void *more = kept ? more_of(node, kept) : NULL;
  points_present(present, x, node->in);
  if (is(node, MAX))
    max_forward(node, y, present, more, x);
  else
    sums_forward(node, y, NULL, present, more, NULL, x, NULL);
}

static void backward(const Node *node, float *dx, const float *dy, const void *kept,
                     const float *w, const float *packed, Finish finish) {
  if (is(node, MAX))
    max_backward(node, dx, dy, more_of(node, kept));
  else
    sums_backward(node, dx, NULL, dy, NULL, kept, more_of(node, kept), NULL);
}

static void forward_dual(const Node *node, float *y, float *yt, void *kept, void *kept_t,
                         const float *x, const float *xt, const float *w, const float *packed) {
  void *more = more_of(node, kept);
  points_present(kept, x, node->in);
  if (is(node, MAX)) {
    max_forward(node, y, kept, more, x);
    max_follow(node, yt, more, xt);
  } else {
    sums_forward(node, y, yt, kept, more, more_of(node, kept_t), x, xt);
  }
}

static void backward_dual(const Node *node, float *dw, float *dx, float *dxt, const float *dy,
                          const float *dyt, void *kept, void *kept_t, const float *w,
                          const float *packed) {
  void *more = more_of(node, kept);
  if (is(node, MAX)) {
    max_backward(node, dx, dy, more);
    max_backward(node, dxt, dyt, more);
  } else {
    sums_backward(node, dx, dxt, dy, dyt, kept, more, more_of(node, kept_t));
  }
}

const Layer PER_ISA(layer_pool_points) = {
    .name = "pool_points",
    .help = "one value per feature from a set of points, in any order",
    .attrs = attrs,
    .shape = shape,
    .kept_size = kept_size,
    .forward = forward,
    .backward = backward,
    .forward_dual = forward_dual,
    .backward_dual = backward_dual,
    .points = points,
};
