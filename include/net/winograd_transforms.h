/* The transforms of Winograd's F(4x4, 3x3) on rows of lanes, and their transposes; see
 * net/winograd.h. For isa_sources only. Its short macros end with it. */
#ifndef NET_WINOGRAD_TRANSFORMS_H
#define NET_WINOGRAD_TRANSFORMS_H

#include "num/vec.h"

/* The points +-A, +-B, which are exact, as are their squares. */
#define WINOGRAD_A 0.625f
#define WINOGRAD_B 1.5f

#define A  WINOGRAD_A
#define B  WINOGRAD_B
#define A2 (A * A)
#define B2 (B * B)

/* Forget what was read: compilers would keep the rows of x or M over all passes of a transform,
 * more than there are registers, and spill them. */
INLINE void winograd_forget(void) { __asm__ volatile("" ::: "memory"); }

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
INLINE void winograd_column(const vec t[6], vec *v, long ld) {
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
INLINE void winograd_transform_input(const float *x, long row, vec *v, long ld) {
#define D(i) v_load(x + r * row, i)
  vec s[6], t[6];
  UNROLL(6)
  for (int r = 0; r < 6; r++) OUTER(D, s[r], t[r]);
  winograd_column(s, v, ld), winograd_column(t, v + 5 * ld, ld);
  winograd_forget();
  UNROLL(6)
  for (int r = 0; r < 6; r++) PAIR(A, B2, D, s[r], t[r]);
  winograd_column(s, v + ld, ld), winograd_column(t, v + 2 * ld, ld);
  winograd_forget();
  UNROLL(6)
  for (int r = 0; r < 6; r++) PAIR(B, A2, D, s[r], t[r]);
  winograd_column(s, v + 3 * ld, ld), winograd_column(t, v + 4 * ld, ld);
#undef D
}

/* --- outputs --- */

/* Six points (stride ld) to four values. */
INLINE void winograd_four(const vec *m, long ld, vec y[4]) {
  vec s1 = m[ld] + m[2 * ld], d1 = m[ld] - m[2 * ld];
  vec s2 = m[3 * ld] + m[4 * ld], d2 = m[3 * ld] - m[4 * ld];
  y[0] = m[0] + s1 + s2;
  y[1] = v_fma(d2, v_set(B), d1 * v_set(A));
  y[2] = v_fma(s2, v_set(B2), s1 * v_set(A2));
  y[3] = v_fma(d2, v_set(B * B2), v_fma(d1, v_set(A * A2), m[5 * ld]));
}

/* m (36, ld) to y[row][column], plus bias. */
INLINE void winograd_transform_output(const vec *m, long ld, vec bias, vec y[4][4]) {
  vec p[4], q[4];
  winograd_four(m + ld, 6 * ld, p), winograd_four(m + 2 * ld, 6 * ld, q);
  UNROLL(4)
  for (int r = 0; r < 4; r++) y[r][0] = p[r] + q[r], y[r][1] = p[r] - q[r];
  winograd_forget();
  winograd_four(m + 3 * ld, 6 * ld, p), winograd_four(m + 4 * ld, 6 * ld, q);
  UNROLL(4)
  for (int r = 0; r < 4; r++) {
    vec s1 = y[r][0], d1 = y[r][1], s2 = p[r] + q[r], d2 = p[r] - q[r];
    y[r][0] = s1 + s2;
    y[r][1] = v_fma(d2, v_set(B), v_fma(d1, v_set(A), bias));
    y[r][2] = v_fma(s2, v_set(B2), v_fma(s1, v_set(A2), bias));
    y[r][3] = v_fma(d2, v_set(B * B2), v_fma(d1, v_set(A * A2), bias));
  }
  winograd_forget();
  winograd_four(m, 6 * ld, p), winograd_four(m + 5 * ld, 6 * ld, q);
  UNROLL(4)
  for (int r = 0; r < 4; r++) y[r][0] = y[r][0] + (p[r] + bias), y[r][3] = y[r][3] + q[r];
}

/* --- the transposes: from 4x4 gradients of outputs to points, from points to 6x6 of inputs --- */

/* Four values of y (stride ld) to six points. */
INLINE void winograd_four_back(const vec *y, long ld, vec m[6]) {
  vec e1 = v_fma(v_set(A2), y[2 * ld], y[0]), o1 = v_fma(v_set(A2), y[3 * ld], y[ld]) * v_set(A);
  vec e2 = v_fma(v_set(B2), y[2 * ld], y[0]), o2 = v_fma(v_set(B2), y[3 * ld], y[ld]) * v_set(B);
  m[0] = y[0], m[1] = e1 + o1, m[2] = e1 - o1, m[3] = e2 + o2, m[4] = e2 - o2, m[5] = y[3 * ld];
}

/* y[row][column] to m[p * ld]. */
INLINE void winograd_transform_output_back(const vec y[4][4], vec *m, long ld) {
  vec column[4][6], row[6];
  for (int s = 0; s < 4; s++) winograd_four_back(&y[0][s], 4, column[s]);
  for (int p = 0; p < 6; p++) {
    winograd_four_back(&column[0][p], 6, row);
    for (int q = 0; q < 6; q++) m[(6 * p + q) * ld] = row[q];
  }
}

/* Six points of v (stride ld) to six values. */
INLINE void winograd_six_back(const vec *v, long ld, vec d[6]) {
  vec u = v[0], w = v[5 * ld], a2 = v_set(-A2), b2 = v_set(-B2), both = v_set(-(A2 + B2));
  vec e1 = v[ld] + v[2 * ld], o1 = (v[ld] - v[2 * ld]) * v_set(A);
  vec e2 = v[3 * ld] + v[4 * ld], o2 = (v[3 * ld] - v[4 * ld]) * v_set(B);
  d[0] = u * v_set(A2 * B2);
  d[1] = v_fma(v_set(A2 * B2), w, v_fma(b2, o1, a2 * o2));
  d[2] = v_fma(both, u, v_fma(b2, e1, a2 * e2));
  d[3] = v_fma(both, w, o1 + o2);
  d[4] = u + (e1 + e2);
  d[5] = w;
}

/* v (36, ld) to d[row][column]. */
INLINE void winograd_transform_input_back(const vec *v, long ld, vec d[6][6]) {
  vec column[6][6];
  for (int q = 0; q < 6; q++) winograd_six_back(v + q * ld, 6 * ld, column[q]);
  for (int r = 0; r < 6; r++) winograd_six_back(&column[0][r], 6, d[r]);
}

#undef A
#undef B
#undef A2
#undef B2
#undef OUTER
#undef PAIR

#endif
