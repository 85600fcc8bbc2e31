/* Sets of points, as layers see them: an image of one row, features as channels and points as
 * columns (num/point.h says which are there). For isa_sources only. */
#ifndef NET_POINTS_H
#define NET_POINTS_H

#include "net/layer.h"
#include "num/point.h"

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
  for (long t = 0; t < in.w; t++) LANES(l)
  m_store(present + t, l, point_there(x + t * L + l, in.c, in.w));
}

#endif
