#include "num/exact.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "num/rows.h"

enum { HEADROOM = 6, INFINITE = 0x7f800000 }; /* in powers of two; the bit pattern of Inf */

void exact_grid_init(ExactGrid *grid, int tensors, const size_t *offset, int *exponent) {
  *grid = (ExactGrid){.tensors = tensors, .offset = offset, .exponent = exponent, .bits = 62};
  for (int t = 0; t < tensors; t++) exponent[t] = EXACT_NONE;
}

void exact_set_leaves(ExactGrid *grid, long leaves) {
  grid->bits = 62;
  while (1L << (62 - grid->bits) < leaves) grid->bits--;
}

ExactSum exact_new(const ExactGrid *grid) {
  return (ExactSum){.sum = MEM_NEW(int64_t, "exact sums", grid->offset[grid->tensors]),
                    .largest = MEM_NEW(uint32_t, "exact maxima", grid->tensors)};
}

void exact_free(ExactSum *sum) {
  mem_free(&sum->sum);
  mem_free(&sum->largest);
}

void exact_clear(ExactSum *sum, const ExactGrid *grid) {
  memset(sum->sum, 0, grid->offset[grid->tensors] * sizeof *sum->sum);
  memset(sum->largest, 0, (size_t)grid->tensors * sizeof *sum->largest);
}

void exact_add(ExactSum *sum, const ExactGrid *grid, const float *g) {
  for (int t = 0; t < grid->tensors; t++) {
    size_t from = grid->offset[t], n = grid->offset[t + 1] - from;
    int top = grid->exponent[t] + HEADROOM;
    rows()->exact_add(sum->sum + from, &sum->largest[t], g + from, (long)n, top - grid->bits,
                      ldexpf(1, top));
  }
}

void exact_merge(ExactSum *sum, const ExactSum *other, const ExactGrid *grid, size_t from,
                 size_t to) {
  for (size_t i = from; i < to; i++) sum->sum[i] += other->sum[i];
  if (from > 0) return;
  for (int t = 0; t < grid->tensors; t++)
    if (other->largest[t] > sum->largest[t]) sum->largest[t] = other->largest[t];
}

/* The smallest e with x < 2^e, x > 0 given as a bit pattern. */
static int exponent_above(uint32_t bits) {
  float x;
  int e;
  memcpy(&x, &bits, sizeof x);
  frexpf(x, &e);
  return e;
}

ExactVerdict exact_judge(const ExactGrid *grid, const ExactSum *sum, int *used) {
  int overflows = 0, *e_prev = grid->exponent;
  memcpy(used, e_prev, (size_t)grid->tensors * sizeof *used);
  for (int t = 0; t < grid->tensors; t++)
    if (sum->largest[t] >= INFINITE) return EXACT_NOT_FINITE;
  for (int t = 0; t < grid->tensors; t++) {
    if (!sum->largest[t]) continue;
    int e = exponent_above(sum->largest[t]);
    if (e <= used[t] + HEADROOM) continue;
    e_prev[t] = e;
    overflows++;
  }
  if (overflows) return EXACT_REDO;
  for (int t = 0; t < grid->tensors; t++) {
    if (!sum->largest[t]) continue;
    int e = exponent_above(sum->largest[t]);
    e_prev[t] = e > used[t] - 1 ? e : used[t] - 1;
  }
  return EXACT_GOOD;
}

void exact_read(float *g, const ExactGrid *grid, const ExactSum *sum, const int *used) {
  for (int t = 0; t < grid->tensors; t++) {
    size_t from = grid->offset[t], n = grid->offset[t + 1] - from;
    /* Without history the sums are zeros, in any unit. */
    int unit = used[t] == EXACT_NONE ? 0 : used[t] + HEADROOM - grid->bits;
    rows()->exact_read(g + from, sum->sum + from, (long)n, ldexp(1, unit));
  }
}
