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

/* ---- sum and mean ---- */

INLINE vec weight_of(const Node *node, const float *x, int t) {
  if (node->attr[WEIGHTED]) return v_load(x, t);
  return v_set(1);
}

/* One over the number of points or over the sum of weights; 0 where that is 0; for sums 1. */
INLINE vec divisor(const Node *node, const float *x, const uint16_t *present, int l) {
  const vec zero = v_set(0), one = v_set(1);
  vec sum = zero;
  for (int t = 0; t < node->in.w; t++)
    sum = sum + v_select(m_load(present + t, l), weight_of(node, x + l, t), zero);
  if (is(node, SUM)) return one;
  mask some = v_gt(sum, zero);
  return v_select(some, one / v_select(some, sum, one), zero);
}

INLINE void sums(const Node *node, float *y, const float *x, vec scale, int l) {
  for (int c = 0; c < node->in.c; c++) {
    const float *from = x + (long)c * node->in.w * L + l;
    vec sum = v_set(0);
    for (int t = 0; t < node->in.w; t++)
      sum = v_fma(weight_of(node, x + l, t), v_load(from, t), sum);
    v_store(y + l, c, sum * scale);
  }
}

static void sums_forward(const Node *node, float *y, uint16_t *present, float *more,
                         const float *x) {
  Shape in = node->in;
  LANES(l) {
    vec scale = divisor(node, x, present, l);
    sums(node, y, x, scale, l);
    if (more) v_store(more + l, 0, scale);
  }
  if (!more || !node->attr[WEIGHTED]) return;
  memcpy(more + L, x, (size_t)shape_size(in) * L * sizeof *x);
  memcpy(more + (shape_size(in) + 1) * L, y, (size_t)(in.c * L) * sizeof *y);
}

/* Gradient to the weight of point t: the sum over features of dy (x - y) / (sum of weights); for
 * sums, of dy x. */
INLINE vec to_weight(const Node *node, const float *dy, const float *more, vec scale, int t,
                     int l) {
  const float *x = more + L, *y = x + shape_size(node->in) * L;
  vec sum = v_set(0);
  for (int c = 0; c < node->in.c; c++) {
    vec v = v_load(x + l, (long)c * node->in.w + t);
    if (is(node, MEAN)) v = v - v_load(y + l, c);
    sum = v_fma(v_load(dy + l, c), v, sum);
  }
  return sum * scale;
}

static void sums_backward(const Node *node, float *dx, const float *dy, const uint16_t *present,
                          const float *more) {
  const vec zero = v_set(0);
  int points = node->in.w;
  LANES(l) {
    vec scale = v_load(more + l, 0);
    for (long i = 0; i < shape_size(node->in); i++) {
      int t = (int)(i % points);
      vec share = scale * weight_of(node, more + L + l, t) * v_load(dy + l, i / points);
      v_store(dx + l, i, v_select(m_load(present + t, l), share, zero));
    }
    for (int t = 0; t < points && node->attr[WEIGHTED]; t++) {
      vec first = v_load(dx + l, t) + to_weight(node, dy, more, scale, t, l);
      v_store(dx + l, t, v_select(m_load(present + t, l), first, zero));
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

static void forward(const Node *node, float *y, void *kept, const float *x, const float *w,
                    const float *packed, Finish finish) {
  uint16_t own[POINTS_MAX], *present = kept ? kept : own;
  void *more = kept ? more_of(node, kept) : NULL;
  points_present(present, x, node->in);
  if (is(node, MAX))
    max_forward(node, y, present, more, x);
  else
    sums_forward(node, y, present, more, x);
}

static void backward(const Node *node, float *dx, const float *dy, const void *kept,
                     const float *w, const float *packed, Finish finish) {
  if (is(node, MAX))
    max_backward(node, dx, dy, more_of(node, kept));
  else
    sums_backward(node, dx, dy, kept, more_of(node, kept));
}

const Layer PER_ISA(layer_pool_points) = {
    .name = "pool_points",
    .help = "one value per feature from a set of points, in any order",
    .attrs = attrs,
    .shape = shape,
    .kept_size = kept_size,
    .forward = forward,
    .backward = backward,
    .points = points,
};
