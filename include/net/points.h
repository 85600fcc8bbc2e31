/* Sets of points, as layers see them: an image of one row, features as channels and points as
 * columns, in which a point whose features are all zero is absent. For isa_sources only. */
#ifndef NET_POINTS_H
#define NET_POINTS_H

#include "net/layer.h"
#include "num/vec.h"

enum { POINTS_MAX = 256 };

/* Errors: not a set of points. */
static inline Err points_check(Shape in) {
  if (in.h == 1 && in.w <= POINTS_MAX) return OK;
  return err_user("found an input of %d x %d x %d, want a set of at most %d points: features x 1 "
                  "x points",
                  in.c, in.h, in.w, POINTS_MAX);
}

/* present (points): one bit per lane. */
INLINE void points_present(uint16_t *present, const float *x, Shape in) {
  const vec zero = v_set(0);
  for (int t = 0; t < in.w; t++) LANES(l) {
      vec v = v_load(x + l, t);
      mask there = v_gt(v, zero) | v_gt(zero, v);
      for (int f = 1; f < in.c; f++) {
        v = v_load(x + l, (long)f * in.w + t);
        there = (mask)(there | v_gt(v, zero) | v_gt(zero, v));
      }
      m_store(present + t, l, there);
    }
}

#endif
