/* The sum of a row's sixteen lanes, always as the same tree: lane i + lane i + 8, then + 4, + 2,
 * + 1. For isa_sources only. */
#ifndef NET_LANES_H
#define NET_LANES_H

#include "num/vec.h"

INLINE float lanes_sum(const float *row) {
  float t[8];
  for (int i = 0; i < 8; i++) t[i] = row[i] + row[i + 8];
  for (int i = 0; i < 4; i++) t[i] += t[i + 4];
  return (t[0] + t[2]) + (t[1] + t[3]);
}

#endif
