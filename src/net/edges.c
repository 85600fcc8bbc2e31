/* Products: ROWS lanes x 32 channels in registers going forward, 8 features x 32 channels for the
 * weights; back to the input, whose rows are rows of lanes again, 8 features x POINTS points. */
#include "net/edges.h"

#include "net/turn.h"

enum {
  WIDE = EDGE_PAIR / VL,
  ROWS = VL == 16  ? 8
         : VL == 8 ? 2
                   : 1,
  POINTS = VL == 16 ? 2 : 1,
  DEEP = VL == 16  ? 8
         : VL == 8 ? 2
                   : 1
};

void edge_pack(float *packed, const float *w, const float *bias, int channels, int features) {
  float *back = packed + edge_forward_size(features);
  memset(packed, 0, edge_packed_size(features) * sizeof *packed);
  for (int o = 0; o < channels; o++) {
    packed[o] = bias ? bias[o] : 0;
    for (int f = 0; f < features; f++) {
      const float *w1 = w + (long)o * 2 * features + f, *w2 = w1 + features;
      float *to = packed + (f + 1) * EDGE_PAIR + o;
      float *from = back + ((long)f / EDGE_FEATURES * EDGE_PAIR + o) * EDGE_FEATURES;
      to[0] = from[f % EDGE_FEATURES] = *w1 - *w2;
      to[EDGE_BLOCK] = from[f % EDGE_FEATURES + EDGE_BLOCK * EDGE_FEATURES] = *w2;
    }
  }
}

/* ---- forward ---- */

/* Point t, lanes l .. l + ROWS - 1. */
INLINE void products(float *u, const float *x, const float *w, Shape in, int t, int l) {
  vec a[ROWS][WIDE];
  UNROLL(8)
  for (int r = 0; r < ROWS; r++) UNROLL(32)
  for (int c = 0; c < WIDE; c++) a[r][c] = *(const vec *)(w + c * VL);
  x += (long)t * L + l;
  for (int f = 0; f < in.c; f++, x += (long)in.w * L) {
    w += EDGE_PAIR;
    UNROLL(8)
    for (int r = 0; r < ROWS; r++) UNROLL(32)
    for (int c = 0; c < WIDE; c++)
      a[r][c] = v_fma(v_set(x[r]), *(const vec *)(w + c * VL), a[r][c]);
  }
  UNROLL(8)
  for (int r = 0; r < ROWS; r++) UNROLL(32)
  for (int c = 0; c < WIDE; c++) *(vec *)(edge_at(u, in.w, l + r, t) + c * VL) = a[r][c];
}

void edge_products(float *u, const float *x, const float *packed, Shape in) {
  for (int t = 0; t < in.w; t++)
    for (int l = 0; l < L; l += ROWS) products(u, x, packed, in, t, l);
}

/* u is the panel of the lane at channel c; bits, of the point, may be NULL. The slope is not
 * negative, so the largest value belongs to the largest b. bits[s]: neighbour s beats all before
 * it; bits[0]: the value is above 0. */
INLINE vec largest(const float *u, vec a, const int *j, int n, uint16_t *bits, vec slope, int c) {
  const float *b = u + EDGE_BLOCK;
  vec best = *(const vec *)(b + (long)j[0] * EDGE_PAIR);
  for (int s = 1; s < n; s++) {
    vec v = *(const vec *)(b + (long)j[s] * EDGE_PAIR);
    if (bits) m_store(bits + s, c, v_gt(v, best));
    best = v_max(v, best);
  }
  vec v = a + best;
  mask above = v_gt(v, v_set(0));
  if (bits) m_store(bits, c, above);
  return v_select(above, v, v * slope);
}

/* bits[s]: the value of neighbour s is above 0. */
INLINE vec mean(const float *u, vec a, const int *j, int n, uint16_t *bits, vec slope, int c) {
  const float *b = u + EDGE_BLOCK;
  vec sum = v_set(0);
  for (int s = 0; s < n; s++) {
    vec v = a + *(const vec *)(b + (long)j[s] * EDGE_PAIR);
    mask above = v_gt(v, v_set(0));
    if (bits) m_store(bits + s, c, above);
    sum = sum + v_select(above, v, v * slope);
  }
  return sum * v_set(1.0f / (float)n);
}

typedef vec (*Reduce)(const float *u, vec a, const int *j, int n, uint16_t *bits, vec slope,
                      int c);

INLINE void reduce(Reduce value, float *u, const Graph *g, uint16_t *bits, EdgeRule rule, int l) {
  const vec slope = v_set(rule.slope);
  int list[NEIGHBOURS_MAX];
  for (int i = 0; i < g->points; i++, bits = bits ? bits + rule.neighbours : NULL) {
    bool there = graph_has(g, i, l);
    int n = there ? graph_list(g, i, l, list) : 0;
    LANES(c) {
      vec *a = (vec *)(u + (long)i * EDGE_PAIR + c);
      *a = there ? value(u + c, *a, list, n, bits, slope, c) : v_set(0);
    }
  }
}

static void reduce_largest(float *u, const Graph *g, uint16_t *bits, EdgeRule rule, int l) {
  reduce(largest, u, g, bits, rule, l);
}

static void reduce_mean(float *u, const Graph *g, uint16_t *bits, EdgeRule rule, int l) {
  reduce(mean, u, g, bits, rule, l);
}

void edge_reduce(float *u, const Graph *g, uint16_t *bits, EdgeRule rule) {
  for (int l = 0; l < L; l++) {
    uint16_t *own = bits ? bits + (long)l * g->points * rule.neighbours : NULL;
    (rule.mean ? reduce_mean : reduce_largest)(edge_at(u, g->points, l, 0), g, own, rule, l);
  }
}

void edge_store(float *y, const float *u, int points, int channels) {
  for (int t = 0; t < points; t++)
    turn(y + (long)t * L, (long)points * L, channels, u + (long)t * EDGE_PAIR, edge_lane(points),
         L);
}

/* ---- backward ---- */

void edge_load(float *u, const float *dy, int points, int channels) {
  for (int t = 0; t < points; t++)
    turn(u + (long)t * EDGE_PAIR, edge_lane(points), L, dy + (long)t * L, (long)points * L,
         channels);
}

INLINE void add(float *p, vec v) { *(vec *)p = *(const vec *)p + v; }

/* Returns the gradient to a; the winner's b gets it, too. */
INLINE vec spread_largest(float *u, vec dy, const int *j, int n, const uint16_t *bits, vec slope,
                          int c) {
  const vec zero = v_set(0);
  float *b = u + EDGE_BLOCK;
  vec rest = v_select(m_load(bits, c), dy, dy * slope), all = rest;
  for (int s = n - 1; s > 0; s--) {
    mask here = m_load(bits + s, c);
    add(b + (long)j[s] * EDGE_PAIR, v_select(here, rest, zero));
    rest = v_select(here, zero, rest);
  }
  add(b + (long)j[0] * EDGE_PAIR, rest);
  return all;
}

INLINE vec spread_mean(float *u, vec dy, const int *j, int n, const uint16_t *bits, vec slope,
                       int c) {
  vec share = dy * v_set(1.0f / (float)n), low = share * slope, all = v_set(0);
  for (int s = 0; s < n; s++) {
    vec v = v_select(m_load(bits + s, c), share, low);
    add(u + EDGE_BLOCK + (long)j[s] * EDGE_PAIR, v);
    all = all + v;
  }
  return all;
}

typedef vec (*Spread)(float *u, vec dy, const int *j, int n, const uint16_t *bits, vec slope,
                      int c);

INLINE void spread(Spread value, float *u, float *sum, const Graph *g, const uint16_t *bits,
                   EdgeRule rule, int l) {
  const vec zero = v_set(0), slope = v_set(rule.slope);
  int list[NEIGHBOURS_MAX];
  for (int i = 0; i < g->points; i++)
    LANES(c) * (vec *)(u + (long)i * EDGE_PAIR + EDGE_BLOCK + c) = zero;
  for (int i = 0; i < g->points; i++, bits += rule.neighbours) {
    bool there = graph_has(g, i, l);
    int n = there ? graph_list(g, i, l, list) : 0;
    LANES(c) {
      vec *a = (vec *)(u + (long)i * EDGE_PAIR + c);
      *a = there ? value(u + c, *a, list, n, bits, slope, c) : zero;
      add(sum + c, *a);
    }
  }
}

static void spread_all_largest(float *u, float *sum, const Graph *g, const uint16_t *bits,
                               EdgeRule rule, int l) {
  spread(spread_largest, u, sum, g, bits, rule, l);
}

static void spread_all_mean(float *u, float *sum, const Graph *g, const uint16_t *bits,
                            EdgeRule rule, int l) {
  spread(spread_mean, u, sum, g, bits, rule, l);
}

void edge_spread(float *u, float sum[EDGE_BLOCK], const Graph *g, const uint16_t *bits,
                 EdgeRule rule) {
  memset(sum, 0, EDGE_BLOCK * sizeof *sum);
  for (int l = 0; l < L; l++)
    (rule.mean ? spread_all_mean
               : spread_all_largest)(edge_at(u, g->points, l, 0), sum, g,
                                     bits + (long)l * g->points * rule.neighbours, rule, l);
}

/* ---- to the input ---- */

/* Features f .. f + 7 of points t .. t + points - 1, d (points, 32, L). */
INLINE void corner(float *dx, const float *d, const float *w, Shape in, int f, int t, int points,
                   int l) {
  vec a[EDGE_FEATURES][POINTS];
  float *to = dx + ((long)f * in.w + t) * L + l;
  UNROLL(8)
  for (int k = 0; k < EDGE_FEATURES; k++) UNROLL(2)
  for (int p = 0; p < points; p++)
    a[k][p] = f + k < in.c ? v_load(to, (long)k * in.w + p) : v_set(0);
  for (int o = 0; o < EDGE_PAIR; o++, w += EDGE_FEATURES) UNROLL(8)
  for (int k = 0; k < EDGE_FEATURES; k++) UNROLL(2)
  for (int p = 0; p < points; p++)
    a[k][p] = v_fma(v_load(d + l, p * EDGE_PAIR + o), v_set(w[k]), a[k][p]);
  UNROLL(8)
  for (int k = 0; k < EDGE_FEATURES; k++) UNROLL(2)
  for (int p = 0; p < points; p++)
    if (f + k < in.c) v_store(to, (long)k * in.w + p, a[k][p]);
}

INLINE void input_points(float *dx, const float *u, const float *w, Shape in, int t, int points) {
  _Alignas(64) float d[POINTS * EDGE_PAIR * L];
  for (int p = 0; p < points; p++)
    for (int half = 0; half < 2; half++)
      turn(d + (2 * p + half) * EDGE_BLOCK * L, L, EDGE_BLOCK,
           u + (long)(t + p) * EDGE_PAIR + half * EDGE_BLOCK, edge_lane(in.w), L);
  for (int f = 0; f < in.c; f += EDGE_FEATURES)
    LANES(l) corner(dx, d, w + (long)f * EDGE_PAIR, in, f, t, points, l);
}

void edge_input(float *dx, const float *u, const float *packed, Shape in) {
  const float *w = packed + edge_forward_size(in.c);
  int t = 0;
  for (; t + POINTS <= in.w; t += POINTS) input_points(dx, u, w, in, t, POINTS);
  for (; t < in.w; t++) input_points(dx, u, w, in, t, 1);
}

/* ---- to the weights ---- */

/* sum (n, 32) over lanes, then points, of x[f .. f + n - 1] and the panel. */
INLINE void feature_sums(float *sum, const float *x, const float *u, Shape in, int n) {
  vec a[DEEP][WIDE];
  UNROLL(8)
  for (int k = 0; k < n; k++) UNROLL(32)
  for (int c = 0; c < WIDE; c++) a[k][c] = v_set(0);
  for (int l = 0; l < L; l++) {
    const float *d = u + l * edge_lane(in.w);
    for (int t = 0; t < in.w; t++, d += EDGE_PAIR) UNROLL(8)
    for (int k = 0; k < n; k++) UNROLL(32)
    for (int c = 0; c < WIDE; c++)
      a[k][c] =
          v_fma(v_set(x[((long)k * in.w + t) * L + l]), *(const vec *)(d + c * VL), a[k][c]);
  }
  UNROLL(8)
  for (int k = 0; k < n; k++) UNROLL(32)
  for (int c = 0; c < WIDE; c++) *(vec *)(sum + k * EDGE_PAIR + c * VL) = a[k][c];
}

/* The weights enter a as W1 - W2 and b as W2. */
static void add_sums(float *dw, const float *sum, int features, int n, int channels) {
  for (int o = 0; o < channels; o++)
    for (int k = 0; k < n; k++) {
      float a = sum[k * EDGE_PAIR + o], b = sum[k * EDGE_PAIR + EDGE_BLOCK + o];
      dw[(long)o * 2 * features + k] += a;
      dw[(long)o * 2 * features + features + k] += b - a;
    }
}

void edge_weights(float *dw, const float *x, const float *u, Shape in, int channels) {
  _Alignas(64) float sum[DEEP * EDGE_PAIR];
  for (int f = 0, n; f < in.c; f += n) {
    const float *from = x + (long)f * in.w * L;
    int left = in.c - f;
    n = left >= DEEP ? DEEP : left >= 3 && DEEP > 3 ? 3 : 1;
    if (n == DEEP)
      feature_sums(sum, from, u, in, DEEP);
    else if (n == 3)
      feature_sums(sum, from, u, in, DEEP > 3 ? 3 : DEEP);
    else
      feature_sums(sum, from, u, in, 1);
    add_sums(dw + f, sum, in.c, n, channels);
  }
}
