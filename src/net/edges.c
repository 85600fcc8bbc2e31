/* Products: ROWS lanes x 32 channels in registers going forward, DEEP features x 32 channels for
 * the weights; back to the input, whose rows are rows of lanes again, 12 features x POINTS points.
 */
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
INLINE void products(float *u, const float *x, const float *start, const float *w, Shape in,
                     int t, int l) {
  vec a[ROWS][WIDE];
  UNROLL(8)
  for (int r = 0; r < ROWS; r++) UNROLL(32)
  for (int c = 0; c < WIDE; c++) a[r][c] = *(const vec *)(start + c * VL);
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

void edge_products(float *u, const float *x, const float *packed, Shape in, bool biased) {
  _Alignas(64) static const float zeros[EDGE_PAIR];
  const float *start = biased ? packed : zeros;
  for (int t = 0; t < in.w; t++)
    for (int l = 0; l < L; l += ROWS) products(u, x, start, packed, in, t, l);
}

/* ---- the winners' numbers, a byte per channel ---- */

#if VL == 16
INLINE void put_bytes(uint8_t *p, ivec v) {
  _mm_storeu_si128((__m128i *)p, _mm512_cvtepi32_epi8((__m512i)v));
}
INLINE ivec get_bytes(const uint8_t *p) {
  return (ivec)_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)p));
}
INLINE mask i_equal(ivec a, int b) {
  return _mm512_cmpeq_epi32_mask((__m512i)a, _mm512_set1_epi32(b));
}
INLINE ivec i_select(mask m, ivec a, ivec b) { return (ivec)v_select(m, (vec)a, (vec)b); }
#elif VL == 8
INLINE void put_bytes(uint8_t *p, ivec v) {
  __m128i low = _mm256_castsi256_si128((__m256i)v),
          high = _mm256_extracti128_si256((__m256i)v, 1);
  __m128i words = _mm_packs_epi32(low, high);
  _mm_storel_epi64((__m128i *)p, _mm_packus_epi16(words, words));
}
INLINE ivec get_bytes(const uint8_t *p) {
  return (ivec)_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)p));
}
INLINE mask i_equal(ivec a, int b) { return (mask)(a == b); }
INLINE ivec i_select(mask m, ivec a, ivec b) { return (ivec)v_select(m, (vec)a, (vec)b); }
#else
INLINE void put_bytes(uint8_t *p, ivec v) { *p = (uint8_t)v; }
INLINE ivec get_bytes(const uint8_t *p) { return *p; }
INLINE mask i_equal(ivec a, int b) { return a == b; }
INLINE ivec i_select(mask m, ivec a, ivec b) { return m ? a : b; }
#endif

/* b of point j behind a of the first, in the panel of a lane. */
INLINE long at_b(int j) { return EDGE_BLOCK + (long)j * EDGE_PAIR; }
INLINE vec get(const float *p) { return *(const vec *)p; }

/* The slope is not negative, so the largest value belongs to the largest b. */
INLINE vec largest(const float *u, vec a, const uint16_t *j, int n, uint16_t *marks, vec slope,
                   int c) {
  vec best = get(u + at_b(j[0]));
  ivec winner = {0};
  for (int s = 1; s < n; s++) {
    vec v = get(u + at_b(j[s]));
    winner = i_select(v_gt(v, best), (ivec){0} + s, winner);
    best = v_max(v, best);
  }
  vec v = a + best;
  mask above = v_gt(v, v_set(0));
  if (marks) {
    m_store(marks, c, above);
    put_bytes((uint8_t *)(marks + 1) + c, winner);
  }
  return v_select(above, v, v * slope);
}

INLINE vec mean(const float *u, vec a, const uint16_t *j, int n, uint16_t *marks, vec slope,
                int c) {
  vec sum = v_set(0);
  for (int s = 0; s < n; s++) {
    vec v = a + get(u + at_b(j[s]));
    mask above = v_gt(v, v_set(0));
    if (marks) m_store(marks + s, c, above);
    sum = sum + v_select(above, v, v * slope);
  }
  return sum * v_set(1.0f / (float)n);
}

typedef vec (*Reduce)(const float *u, vec a, const uint16_t *j, int n, uint16_t *marks, vec slope,
                      int c);

/* A point's value; the usual number of neighbours as a constant. */
INLINE void reduce_point(Reduce value, float *u, int i, const uint16_t *near, int n,
                         uint16_t *marks, vec slope) {
  float *a = u + (long)i * EDGE_PAIR;
  LANES(c) {
    vec v = v_set(0);
    if (n == 8)
      v = value(u + c, get(a + c), near, 8, marks, slope, c);
    else if (n > 0)
      v = value(u + c, get(a + c), near, n, marks, slope, c);
    *(vec *)(a + c) = v;
  }
}

INLINE void reduce(Reduce value, float *u, const Graph *g, uint16_t *marks, EdgeRule rule) {
  const vec slope = v_set(rule.slope);
  for (int l = 0; l < L; l++)
    for (long i = 0; i < g->points; i++) {
      long at = l * (long)g->points + i;
      reduce_point(value, edge_at(u, g->points, l, 0), (int)i, g->near + at * g->neighbours,
                   g->count[at], marks ? marks + at * edge_marks(rule, g->neighbours) : NULL,
                   slope);
    }
}

void edge_reduce(float *u, const Graph *g, uint16_t *marks, EdgeRule rule) {
  if (rule.mean)
    reduce(mean, u, g, marks, rule);
  else
    reduce(largest, u, g, marks, rule);
}

/* ---- tangents ---- */

INLINE vec follow_largest(const float *u, vec a, const uint16_t *j, int n, uint16_t *marks,
                          vec slope, int c) {
  ivec winner = get_bytes((const uint8_t *)(marks + 1) + c);
  vec best = get(u + at_b(j[0]));
  for (int s = 1; s < n; s++) best = v_select(i_equal(winner, s), get(u + at_b(j[s])), best);
  vec v = a + best;
  return v_select(m_load(marks, c), v, v * slope);
}

INLINE vec follow_mean(const float *u, vec a, const uint16_t *j, int n, uint16_t *marks,
                       vec slope, int c) {
  vec sum = v_set(0);
  for (int s = 0; s < n; s++) {
    vec v = a + get(u + at_b(j[s]));
    sum = sum + v_select(m_load(marks + s, c), v, v * slope);
  }
  return sum * v_set(1.0f / (float)n);
}

void edge_follow(float *u, const Graph *g, const uint16_t *marks, EdgeRule rule) {
  uint16_t *read = (uint16_t *)marks; /* no const: a Reduce may write them, these two do not */
  if (rule.mean)
    reduce(follow_mean, u, g, read, rule);
  else
    reduce(follow_largest, u, g, read, rule);
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

INLINE void add(float *p, vec v) { *(vec *)p = get(p) + v; }

/* Returns the gradient to a; the winner's b gets it, too. */
INLINE vec spread_largest(float *u, vec dy, const uint16_t *j, int n, const uint16_t *marks,
                          vec slope, int c) {
  vec all = v_select(m_load(marks, c), dy, dy * slope);
  ivec winner = get_bytes((const uint8_t *)(marks + 1) + c);
  for (int s = 0; s < n; s++) {
    float *b = u + at_b(j[s]);
    vec v = get(b);
    *(vec *)b = v_select(i_equal(winner, s), v + all, v);
  }
  return all;
}

INLINE vec spread_mean(float *u, vec dy, const uint16_t *j, int n, const uint16_t *marks,
                       vec slope, int c) {
  vec share = dy * v_set(1.0f / (float)n), low = share * slope, all = v_set(0);
  for (int s = 0; s < n; s++) {
    vec v = v_select(m_load(marks + s, c), share, low);
    add(u + at_b(j[s]), v);
    all = all + v;
  }
  return all;
}

typedef vec (*Spread)(float *u, vec dy, const uint16_t *j, int n, const uint16_t *marks,
                      vec slope, int c);

INLINE void spread_point(Spread value, float *u, float *sum, int i, const uint16_t *near, int n,
                         const uint16_t *marks, vec slope) {
  float *a = u + (long)i * EDGE_PAIR;
  LANES(c) {
    vec v = v_set(0);
    if (n == 8)
      v = value(u + c, get(a + c), near, 8, marks, slope, c);
    else if (n > 0)
      v = value(u + c, get(a + c), near, n, marks, slope, c);
    *(vec *)(a + c) = v;
    add(sum + c, v);
  }
}

INLINE void spread(Spread value, float *u, float *sum, const Graph *g, const uint16_t *marks,
                   EdgeRule rule) {
  const vec slope = v_set(rule.slope);
  for (int l = 0; l < L; l++) {
    float *lane = edge_at(u, g->points, l, 0);
    for (int i = 0; i < g->points; i++) LANES(c) * (vec *)(lane + at_b(i) + c) = v_set(0);
    for (long i = 0; i < g->points; i++) {
      long at = l * (long)g->points + i;
      spread_point(value, lane, sum, (int)i, g->near + at * g->neighbours, g->count[at],
                   marks + at * edge_marks(rule, g->neighbours), slope);
    }
  }
}

void edge_spread(float *u, float sum[EDGE_BLOCK], const Graph *g, const uint16_t *marks,
                 EdgeRule rule) {
  memset(sum, 0, EDGE_BLOCK * sizeof *sum);
  if (rule.mean)
    spread(spread_mean, u, sum, g, marks, rule);
  else
    spread(spread_largest, u, sum, g, marks, rule);
}

/* ---- to the input ---- */

/* Features f .. f + 11 of points t .. t + points - 1, d (points, 32, L). */
INLINE void corner(float *dx, const float *d, const float *w, Shape in, int f, int t, int points,
                   int l) {
  vec a[EDGE_FEATURES][POINTS];
  float *to = dx + ((long)f * in.w + t) * L + l;
  UNROLL(12)
  for (int k = 0; k < EDGE_FEATURES; k++) UNROLL(2)
  for (int p = 0; p < points; p++)
    a[k][p] = f + k < in.c ? v_load(to, (long)k * in.w + p) : v_set(0);
  for (int o = 0; o < EDGE_PAIR; o++, w += EDGE_FEATURES) UNROLL(12)
  for (int k = 0; k < EDGE_FEATURES; k++) UNROLL(2)
  for (int p = 0; p < points; p++)
    a[k][p] = v_fma(v_load(d + l, p * EDGE_PAIR + o), v_set(w[k]), a[k][p]);
  UNROLL(12)
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
