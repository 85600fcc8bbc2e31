/* Correlation of an image with kernels, directly: the work of convolutions that are not done by
 * Winograd. For isa_sources only.
 *
 *   y[o][row + step i][col + step j] = bias[o]
 *       + sum over c, r, s of w[o][c][r][s] x[c][stride i - top + r][stride j - left + s]
 *
 * for i < rows, j < cols. Rows of taps that fall outside x are left out, columns outside count as
 * zeros; the sum runs in the order c, r, s. A strided convolution is one Correlation with stride
 * > 1; its transpose is one for each phase of the stride, with step > 1. */
#ifndef NET_CORRELATE_H
#define NET_CORRELATE_H

#include "net/layer.h"
#include "num/vec.h"

#define correlate_packed_size PER_ISA(correlate_packed_size)
#define correlate_pack        PER_ISA(correlate_pack)
#define correlate             PER_ISA(correlate)
#define correlate_gradient    PER_ISA(correlate_gradient)
#define correlate_sums        PER_ISA(correlate_sums)

/* The largest window that a block of outputs may need, in columns. */
enum { CORRELATE_KERNEL = 64, CORRELATE_STRIDE = 16 };

typedef struct Correlation {
  Shape in, out;          /* of the whole arrays */
  int kernel_h, kernel_w; /* taps; 0 rows or columns: y is the bias */
  int stride, top, left;  /* of the window */
  int row, col, step;     /* of the outputs */
  int rows, cols;         /* how many outputs */
} Correlation;

/* Weights wherever they are: tap (o, c, r, s) is w[o * out + c * in + r * row + s * col]. */
typedef struct Taps {
  const float *w;
  long out, in, row, col;
} Taps;

size_t correlate_packed_size(const Correlation *g);
void correlate_pack(const Correlation *g, float *packed, Taps taps);
/* bias: (O), or NULL for zeros. */
void correlate(const Correlation *g, float *y, const float *x, const float *packed,
               const float *bias, Finish finish);

/* dw (O, C, kernel_h, kernel_w) += gradient to the taps, from one tile's x (in) and dy (out), for
 * step 1: lanes apart over the pixels of a strip of rows, then their sum. */
void correlate_gradient(const Correlation *g, float *dw, const float *dy, const float *x);
/* db (O) += sums over pixels and lanes of one tile's dy (shape). */
void correlate_sums(float *db, const float *dy, Shape shape);

#endif
