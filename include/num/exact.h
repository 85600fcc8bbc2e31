/* Exact sums of gradients: any number of leaves, threads and ranks, in any order, same bits.
 *
 * The float sum of a leaf is rounded once to a 64-bit fixed-point grid; int64 sums are
 * associative. The grid of a tensor follows from the exponent of the step before: values below
 * 2^e_prev are expected, 2^(e_prev + 6) are allowed, the unit is u = 2^(e_prev + 6 - b) with b =
 * 62 - ceil(log2 leaves). A tensor whose largest |g| is 2^(e_prev + 6) or more has overflowed:
 * all ranks drop the sums, take e from the largest and repeat the parameter passes. Afterwards
 * e_prev = max(e, e_prev - 1); an all-zero tensor keeps its own.
 *
 * This module is arithmetic only; the two all-reduces (SUM of int64, MAX of uint32) are the
 * caller's, so that one process can play many ranks. NaN sorts highest as a bit pattern and is
 * reported, never cast. */
#ifndef NUM_EXACT_H
#define NUM_EXACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EXACT_NONE = -1000 }; /* e_prev of a tensor that has no history: its first sum overflows */

typedef struct ExactGrid {
  int tensors;
  const size_t *offset; /* (tensors + 1): tensor t holds elements offset[t] .. offset[t+1] - 1 */
  int *exponent;        /* (tensors) e_prev; part of the checkpoint */
  int bits;             /* b = 62 - ceil(log2 leaves) */
} ExactGrid;

/* One thread's or rank's partial sums. */
typedef struct ExactSum {
  int64_t *sum;      /* (offset[tensors]) */
  uint32_t *largest; /* (tensors) bit pattern of the largest |g| */
} ExactSum;

/* All exponents EXACT_NONE, one leaf. A resumed run then puts its exponents back. */
void exact_grid_init(ExactGrid *grid, int tensors, const size_t *offset, int *exponent);
void exact_set_leaves(ExactGrid *grid, long leaves);
ExactSum exact_new(const ExactGrid *grid);
void exact_free(ExactSum *sum);
void exact_clear(ExactSum *sum, const ExactGrid *grid);
/* Add one leaf's gradient (offset[tensors] floats). */
void exact_add(ExactSum *sum, const ExactGrid *grid, const float *g);
/* sum += other, elements from .. to - 1 (threads share the range); largest merged when from == 0.
 */
void exact_merge(ExactSum *sum, const ExactSum *other, const ExactGrid *grid, size_t from,
                 size_t to);

typedef enum ExactVerdict { EXACT_GOOD, EXACT_REDO, EXACT_NOT_FINITE } ExactVerdict;
/* After the reduction over all ranks: judge and move the exponents. EXACT_REDO: exponents of the
 * overflowed tensors are set, clear and repeat. EXACT_NOT_FINITE: exponents stay. */
ExactVerdict exact_judge(const ExactGrid *grid, const ExactSum *sum, int *used /* (tensors) */);
/* g = the sums as floats, rounded once. `used` holds the exponents that the sums were made with.
 */
void exact_read(float *g, const ExactGrid *grid, const ExactSum *sum, const int *used);

#endif
