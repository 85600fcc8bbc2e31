#include "obj/nearest.h"

#include "net/points.h"

_Static_assert((int)NEAREST_POINTS == (int)POINTS_MAX, "as many points as layers take");

/* features: a constant where it is the usual one */
INLINE vec square(const float *y, const float *x, int features, int points, int i, int j) {
  vec sum = v_set(0);
  UNROLL(3)
  for (int f = 0; f < features; f++) {
    vec r = v_load(x, (long)f * points + i) - v_load(y, (long)f * points + j);
    sum = v_fma(r, r, sum);
  }
  return sum;
}

/* All pairs of point i of x. */
INLINE void visit(Nearest *n, const float *y, const float *x, int features, int points, int i,
                  int l) {
  const vec far = v_set(INFINITY), number = v_set((float)i);
  mask there = m_load(n->present + i, l);
  vec best = far, which = v_set(0);
  for (int j = 0; j < points; j++) {
    vec d = v_select(there, square(y, x, features, points, i, j), far);
    mask nearer = v_gt(best, d);
    best = v_select(nearer, d, best);
    which = v_select(nearer, v_set((float)j), which);
    vec other = v_load(n->y_square + l, j);
    nearer = v_gt(other, d);
    v_store(n->y_square + l, j, v_select(nearer, d, other));
    v_store(n->y_which + l, j, v_select(nearer, number, v_load(n->y_which + l, j)));
  }
  v_store(n->x_square + l, i, best);
  v_store(n->x_which + l, i, which);
}

INLINE void find_among(Nearest *n, const float *y, const float *x, int features, int points) {
  for (int j = 0; j < points; j++) LANES(l) {
      v_store(n->y_square + l, j, v_set(INFINITY));
      v_store(n->y_which + l, j, v_set(0));
    }
  for (int i = 0; i < points; i++) LANES(l) visit(n, y + l, x + l, features, points, i, l);
}

static void find(Nearest *nearest, const float *y, const float *x, Shape shape) {
  CHECK(shape.h == 1 && shape.w <= NEAREST_POINTS, "not a set of points");
  points_present(nearest->present, x, shape);
  if (shape.c == 3)
    find_among(nearest, y, x, 3, shape.w);
  else
    find_among(nearest, y, x, shape.c, shape.w);
}

const NearestFinder PER_ISA(nearest_finder) = {find};
