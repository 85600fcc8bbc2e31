/* Blocks of 16 x 16 turned: rows become columns. It takes a tile's rows of lanes to rows of
 * features, each sample apart, and back. For isa_sources only. */
#ifndef NET_TURN_H
#define NET_TURN_H

#include "num/vec.h"

#if VL > 1
/* Element c of the pair that a step of width d makes of rows a and b. */
#define TURN_LOW(d, c)  ((c) & (d) ? VL + (c) - (d) : (c))
#define TURN_HIGH(d, c) ((c) & (d) ? VL + (c) : (c) + (d))
#if VL == 16
#define TURN_ALL(f, d)                                                                           \
  f(d, 0), f(d, 1), f(d, 2), f(d, 3), f(d, 4), f(d, 5), f(d, 6), f(d, 7), f(d, 8), f(d, 9),      \
      f(d, 10), f(d, 11), f(d, 12), f(d, 13), f(d, 14), f(d, 15)
#else
#define TURN_ALL(f, d) f(d, 0), f(d, 1), f(d, 2), f(d, 3), f(d, 4), f(d, 5), f(d, 6), f(d, 7)
#endif
#define TURN_STEP(row, d)                                                                        \
  UNROLL(16)                                                                                     \
  for (int r = 0; r < VL; r++)                                                                   \
    if (!(r & (d))) {                                                                            \
      vec a = (row)[r], b = (row)[r + (d)];                                                      \
      (row)[r] = __builtin_shufflevector(a, b, TURN_ALL(TURN_LOW, d));                           \
      (row)[r + (d)] = __builtin_shufflevector(a, b, TURN_ALL(TURN_HIGH, d));                    \
    }

/* VL x VL numbers in registers. */
INLINE void turn_rows(vec row[VL]) {
  TURN_STEP(row, 1)
  TURN_STEP(row, 2)
  TURN_STEP(row, 4)
#if VL == 16
  TURN_STEP(row, 8)
#endif
}
#else
INLINE void turn_rows(vec row[VL]) { (void)row; }
#endif

/* to[r to_step + c] = from[c from_step + r] for r < to_rows, c < 16; of `from` the first
 * from_rows rows are there, the others count as zeros. */
INLINE void turn(float *to, long to_step, int to_rows, const float *from, long from_step,
                 int from_rows) {
  vec row[VL];
  for (int r = 0; r < L; r += VL)
    for (int c = 0; c < L; c += VL) {
      UNROLL(16)
      for (int k = 0; k < VL; k++)
        row[k] = c + k < from_rows ? *(const vec *)(from + (c + k) * from_step + r) : v_set(0);
      turn_rows(row);
      UNROLL(16)
      for (int k = 0; k < VL; k++)
        if (r + k < to_rows) *(vec *)(to + (r + k) * to_step + c) = row[k];
    }
}

#endif
