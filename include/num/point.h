/* Sets of points: a point whose features are all zero is absent. For isa_sources only. */
#ifndef NUM_POINT_H
#define NUM_POINT_H

#include "num/vec.h"

/* In which lanes a point is there; its features lie `stride` rows apart. NaN is neither above nor
 * below zero: it makes no point, and hides none whose other features are not all zero. */
INLINE mask point_there(const float *x, long features, long stride) {
  const vec zero = v_set(0);
  mask there = {0};
  for (long f = 0; f < features; f++) {
    vec v = v_load(x, f * stride);
    there = (mask)(there | v_gt(v, zero) | v_gt(zero, v));
  }
  return there;
}

#endif
