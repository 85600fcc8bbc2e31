/* Winograd convolution, one or two 4x4 patches of pixels of all channels at a time:
 *
 *   V[p][c] = transform of the 6x6 inputs of channel c          (36 points p = 6 row + column)
 *   M[p][o] = sum over c of U[p][c][o] V[p][c]                  (eight outputs o at a time)
 *   y[o]    = transform of M[.][o] to 4x4 outputs, with bias and finish
 *
 * Eight to eight channels, the jet network's case, take one patch: V, M in its place, and U lie in
 * the nearest cache. Wider layers take two, so that a weight is fetched half as often, and their
 * channels in portions; the sums M of a group of outputs wait from one portion to the next. */
#include "net/winograd.h"

#include "net/finish.h"

enum { POINTS = 36, OUTS = 8, PATCHES = 2, CHANNELS = 32, GROUP = 8 };

/* The points +-A, +-B. */
#define A  0.625f
#define B  1.5f
#define A2 (A * A)
#define B2 (B * B)

/* --- weights, in double, rounded once: (o, c, 3, 3) to [p][block of o][c][OUTS] --- */

/* Values of the polynomial g0 + g1 x + g2 x^2 at the points, over the products of differences. */
static void transform_taps(double out[6], double g0, double g1, double g2) {
  const double a = A, b = B, a2 = A2, b2 = B2;
  out[0] = g0 / (a2 * b2);
  out[1] = (g0 + a * g1 + a2 * g2) / (2 * a2 * (a2 - b2));
  out[2] = (g0 - a * g1 + a2 * g2) / (2 * a2 * (a2 - b2));
  out[3] = (g0 + b * g1 + b2 * g2) / (2 * b2 * (b2 - a2));
  out[4] = (g0 - b * g1 + b2 * g2) / (2 * b2 * (b2 - a2));
  out[5] = g2;
}

static void transform_kernel(double u[POINTS], const float *w, long row, long col) {
  double t[3][6], column[6];
  for (int r = 0; r < 3; r++, w += row) transform_taps(t[r], w[0], w[col], w[2 * col]);
  for (int q = 0; q < 6; q++) {
    transform_taps(column, t[0][q], t[1][q], t[2][q]);
    for (int p = 0; p < 6; p++) u[6 * p + q] = column[p];
  }
}

static int blocks_of(int outs) { return (outs + OUTS - 1) / OUTS; }

size_t winograd_packed_size(const Correlation *g) {
  return (size_t)blocks_of(g->out.c) * POINTS * (size_t)g->in.c * OUTS;
}

void winograd_pack(const Correlation *g, float *packed, Taps t) {
  long n = g->in.c, blocks = blocks_of(g->out.c);
  memset(packed, 0, winograd_packed_size(g) * sizeof *packed);
  for (int o = 0; o < g->out.c; o++)
    for (int c = 0; c < n; c++) {
      double u[POINTS];
      transform_kernel(u, t.w + o * t.out + c * t.in, t.row, t.col);
      for (int p = 0; p < POINTS; p++)
        packed[((p * blocks + o / OUTS) * n + c) * OUTS + o % OUTS] = (float)u[p];
    }
}

/* Forget what was read: compilers would keep the rows of x or M over all passes of a transform, more
 * than there are registers, and spill them. */
INLINE void forget(void) { __asm__ volatile("" ::: "memory"); }

/* --- inputs --- */

/* Points 0 and infinity of six rows of values d. */
#define OUTER(d, u, v)                                                                           \
  u = v_fma(v_set(A2 * B2), d(0), v_fma(v_set(-(A2 + B2)), d(2), d(4))),                         \
  v = v_fma(v_set(A2 * B2), d(1), v_fma(v_set(-(A2 + B2)), d(3), d(5)))
/* Points +k and -k, where other is the square of the other pair's point. */
#define PAIR(k, other, d, u, v)                                                                  \
  do {                                                                                           \
    vec even = v_fma(v_set(-(other)), d(2), d(4));                                               \
    vec odd = v_fma(v_set(-(other)), d(1), d(3)) * v_set(k);                                     \
    u = even + odd, v = even - odd;                                                              \
  } while (0)

/* The column transform of t, stored as the points of one column. */
INLINE void column(const vec t[6], vec *v, long ld) {
#define D(i) t[i]
  vec p, q;
  OUTER(D, p, q);
  v[0] = p, v[30 * ld] = q;
  PAIR(A, B2, D, p, q);
  v[6 * ld] = p, v[12 * ld] = q;
  PAIR(B, A2, D, p, q);
  v[18 * ld] = p, v[24 * ld] = q;
#undef D
}

/* 6x6 inputs with `row` floats from row to row, to v[p * ld]. Two columns of points at a time:
 * twelve live rows, none spilt. */
INLINE void transform_input(const float *x, long row, vec *v, long ld) {
#define D(i) v_load(x + r * row, i)
  vec s[6], t[6];
  UNROLL(6)
  for (int r = 0; r < 6; r++) OUTER(D, s[r], t[r]);
  column(s, v, ld), column(t, v + 5 * ld, ld);
  forget();
  UNROLL(6)
  for (int r = 0; r < 6; r++) PAIR(A, B2, D, s[r], t[r]);
  column(s, v + ld, ld), column(t, v + 2 * ld, ld);
  forget();
  UNROLL(6)
  for (int r = 0; r < 6; r++) PAIR(B, A2, D, s[r], t[r]);
  column(s, v + 3 * ld, ld), column(t, v + 4 * ld, ld);
#undef D
}

/* The 6x6 inputs at (top, left) of a plane, zeros outside. */
static void copy_patch(float *patch, const float *x, Shape in, int top, int left) {
  for (int r = 0; r < 6; r++)
    for (int s = 0; s < 6; s++, patch += L) {
      int i = top + r, j = left + s;
      bool outside = i < 0 || i >= in.h || j < 0 || j >= in.w;
      v_store(patch, 0, outside ? v_set(0) : v_load(x, (long)i * in.w + j));
    }
}

/* Channels `from` to `to` of the patch at (top, left), lanes at x. */
INLINE void transform_patch(const Correlation *g, const float *x, int top, int left, int from,
                            int to, vec *v, long ld) {
  Shape in = g->in;
  long plane = (long)in.h * in.w;
  bool edge = top < 0 || left < 0 || top + 6 > in.h || left + 6 > in.w;
  for (int c = from; c < to; c++, v++) {
    const float *xc = x + L * c * plane;
    if (edge) {
      _Alignas(64) float patch[POINTS * L];
      copy_patch(patch, xc, in, top, left);
      transform_input(patch, L * 6, v, ld);
    } else {
      transform_input(xc + L * ((long)top * in.w + left), L * (long)in.w, v, ld);
    }
  }
}

/* --- outputs --- */

/* Six points (stride ld) to four values. */
INLINE void four(const vec *m, long ld, vec y[4]) {
  vec s1 = m[ld] + m[2 * ld], d1 = m[ld] - m[2 * ld];
  vec s2 = m[3 * ld] + m[4 * ld], d2 = m[3 * ld] - m[4 * ld];
  y[0] = m[0] + s1 + s2;
  y[1] = v_fma(d2, v_set(B), d1 * v_set(A));
  y[2] = v_fma(s2, v_set(B2), s1 * v_set(A2));
  y[3] = v_fma(d2, v_set(B * B2), v_fma(d1, v_set(A * A2), m[5 * ld]));
}

/* m (POINTS, ld) to y[row][column], plus bias. */
INLINE void transform_output(const vec *m, long ld, vec bias, vec y[4][4]) {
  vec p[4], q[4];
  four(m + ld, 6 * ld, p), four(m + 2 * ld, 6 * ld, q);
  UNROLL(4)
  for (int r = 0; r < 4; r++) y[r][0] = p[r] + q[r], y[r][1] = p[r] - q[r];
  forget();
  four(m + 3 * ld, 6 * ld, p), four(m + 4 * ld, 6 * ld, q);
  UNROLL(4)
  for (int r = 0; r < 4; r++) {
    vec s1 = y[r][0], d1 = y[r][1], s2 = p[r] + q[r], d2 = p[r] - q[r];
    y[r][0] = s1 + s2;
    y[r][1] = v_fma(d2, v_set(B), v_fma(d1, v_set(A), bias));
    y[r][2] = v_fma(s2, v_set(B2), v_fma(s1, v_set(A2), bias));
    y[r][3] = v_fma(d2, v_set(B * B2), v_fma(d1, v_set(A * A2), bias));
  }
  forget();
  four(m, 6 * ld, p), four(m + 5 * ld, 6 * ld, q);
  UNROLL(4)
  for (int r = 0; r < 4; r++) y[r][0] = y[r][0] + (p[r] + bias), y[r][3] = y[r][3] + q[r];
}

/* One output channel of the patch at (i, j): what lies inside the image. */
INLINE void store_patch(const Correlation *g, float *y, const vec *m, long ld, const float *bias,
                        Finish finish, int o, int i, int j, int l) {
  vec out[4][4];
  Shape s = g->out;
  long site = ((long)o * s.h + i) * s.w + j;
  transform_output(m, ld, v_set(bias ? bias[o] : 0), out);
  if (i + 4 <= s.h && j + 4 <= s.w) {
    finish_store(finish, y, out[0], 4, 4, 4, site, s.w, 1, l);
    return;
  }
  for (int r = 0; r < 4 && i + r < s.h; r++)
    for (int b = 0; b < 4 && j + b < s.w; b++)
      finish_store(finish, y, &out[r][b], 1, 1, 1, site + (long)r * s.w + b, 0, 0, l);
}

/* --- eight to eight channels --- */

/* M[p][o] = sum over c of U[p][c][o] V[p][c], in the place of V (POINTS, OUTS). */
INLINE void products_8_8(vec *v, const float *u) {
  for (int p = 0; p < POINTS; p++, v += OUTS, u += OUTS * OUTS) {
    vec a[OUTS];
    UNROLL(8)
    for (int o = 0; o < OUTS; o++) a[o] = v_set(0);
    for (int c = 0; c < OUTS; c++) {
      UNROLL(8)
      for (int o = 0; o < OUTS; o++) a[o] = v_fma(v[c], v_set(u[c * OUTS + o]), a[o]);
    }
    UNROLL(8)
    for (int o = 0; o < OUTS; o++) v[o] = a[o];
  }
}

static void all_8_8(const Correlation *g, float *y, const float *x, const float *u,
                    const float *bias, Finish finish, int l) {
  vec v[POINTS * OUTS];
  for (int i = 0; i < g->out.h; i += 4)
    for (int j = 0; j < g->out.w; j += 4) {
      transform_patch(g, x + l, i - g->top, j - g->left, 0, OUTS, v, OUTS);
      products_8_8(v, u);
      for (int o = 0; o < OUTS; o++) store_patch(g, y, v + o, OUTS, bias, finish, o, i, j, l);
    }
}

/* --- any number of channels --- */

enum { LD = CHANNELS + 1 }; /* odd, so that the 36 points of a channel spread over the cache */

/* Patches on their way: inputs of a portion of the channels, sums of a group of outputs. */
typedef struct Room {
  vec v[PATCHES][POINTS * LD];
  vec m[PATCHES][GROUP][POINTS * OUTS];
} Room;

/* M[p][o] (+)= sum over n channels of U[p][c][o] V[p][c] for block b of the group. */
INLINE void products(Room *room, const float *u, int p, int b, int n, bool add, int patches) {
  vec a[PATCHES][OUTS];
  UNROLL(2)
  for (int t = 0; t < patches; t++) {
    UNROLL(8)
    for (int o = 0; o < OUTS; o++) a[t][o] = add ? room->m[t][b][p * OUTS + o] : v_set(0);
  }
  for (int c = 0; c < n; c++, u += OUTS) {
    UNROLL(8)
    for (int o = 0; o < OUTS; o++) {
      UNROLL(2)
      for (int t = 0; t < patches; t++)
        a[t][o] = v_fma(room->v[t][p * LD + c], v_set(u[o]), a[t][o]);
    }
  }
  UNROLL(2)
  for (int t = 0; t < patches; t++) {
    UNROLL(8)
    for (int o = 0; o < OUTS; o++) room->m[t][b][p * OUTS + o] = a[t][o];
  }
}

/* Output blocks from .. to - 1 of `patches` patches, the first of them number t. */
INLINE void group(Room *room, const Correlation *g, float *y, const float *x, const float *u,
                  const float *bias, Finish finish, int t, int l, int from, int to, int patches) {
  int n = g->in.c, blocks = blocks_of(g->out.c), across = (g->out.w + 3) / 4;
  for (int c = 0; c < n; c += CHANNELS) {
    int end = c + CHANNELS < n ? c + CHANNELS : n;
    for (int k = 0; k < patches; k++)
      transform_patch(g, x + l, (t + k) / across * 4 - g->top, (t + k) % across * 4 - g->left, c,
                      end, room->v[k], LD);
    for (int p = 0; p < POINTS; p++)
      for (int b = from; b < to; b++)
        products(room, u + (((long)p * blocks + b) * n + c) * OUTS, p, b - from, end - c, c > 0,
                 patches);
  }
  for (int k = 0; k < patches; k++)
    for (int o = from * OUTS; o < to * OUTS && o < g->out.c; o++)
      store_patch(g, y, room->m[k][o / OUTS - from] + o % OUTS, OUTS, bias, finish, o,
                  (t + k) / across * 4, (t + k) % across * 4, l);
}

static void all_groups(const Correlation *g, float *y, const float *x, const float *u,
                       const float *bias, Finish finish, int l) {
  Room room;
  int blocks = blocks_of(g->out.c), patches = (g->out.h + 3) / 4 * ((g->out.w + 3) / 4);
  for (int t = 0; t < patches; t += PATCHES)
    for (int b = 0; b < blocks; b += GROUP) {
      int to = b + GROUP < blocks ? b + GROUP : blocks;
      if (t + 1 < patches)
        group(&room, g, y, x, u, bias, finish, t, l, b, to, PATCHES);
      else
        group(&room, g, y, x, u, bias, finish, t, l, b, to, 1);
    }
}

void winograd(const Correlation *g, float *y, const float *x, const float *packed,
              const float *bias, Finish finish) {
  bool eight = g->in.c == OUTS && g->out.c == OUTS;
  LANES(l)(eight ? all_8_8 : all_groups)(g, y, x, packed, bias, finish, l);
}
