/* Sums over the sixteen lanes of rows, always as the same tree: lane i + lane i + 8, then + 4, + 2,
 * + 1. In vectors of four, which every ISA has. For isa_sources only. */
#ifndef NET_LANES_H
#define NET_LANES_H

#include "num/vec.h"

typedef float quad __attribute__((vector_size(16), aligned(16), may_alias));

/* The first two steps for row i: lanes j, j + 4, j + 8, j + 12 together. */
INLINE quad lanes_quarter(const float *row, long i) {
  const quad *q = (const quad *)(row + L * i);
  return (q[0] + q[2]) + (q[1] + q[3]);
}

INLINE float lanes_sum(const float *row) {
  quad t = lanes_quarter(row, 0);
  return (t[0] + t[2]) + (t[1] + t[3]);
}

/* sum[k] = sum over the lanes of row k (n, L). sum and the rows have room for a multiple of
 * four. */
INLINE void lanes_sums(float *sum, const float *row, long n) {
  for (long k = 0; k < n; k += 4) {
    quad a = lanes_quarter(row, k), b = lanes_quarter(row, k + 1);
    quad c = lanes_quarter(row, k + 2), d = lanes_quarter(row, k + 3);
    quad ab =
        __builtin_shufflevector(a, b, 0, 1, 4, 5) + __builtin_shufflevector(a, b, 2, 3, 6, 7);
    quad cd =
        __builtin_shufflevector(c, d, 0, 1, 4, 5) + __builtin_shufflevector(c, d, 2, 3, 6, 7);
    *(quad *)(sum + k) =
        __builtin_shufflevector(ab, cd, 0, 2, 4, 6) + __builtin_shufflevector(ab, cd, 1, 3, 5, 7);
  }
}

#endif
