/* 3x3 convolutions of stride 1 by Winograd's F(4x4, 3x3): a tile of 4x4 outputs from 6x6 inputs
 * with 36 products instead of 144. The lanes are samples, so the transforms are plain additions
 * and products of rows. For isa_sources only.
 *
 * Interpolation points 0, +-5/8, +-3/2, infinity: all constants of the data transforms are exact
 * in float, and the error is a quarter of that of the usual +-1, +-2, no more than the direct
 * kernel's. Points, formulas and the order of each sum are part of the results: they never change
 * with the ISA. Source: arXiv 1509.09308; the transforms follow from Lagrange interpolation at
 * the points. */
#ifndef NET_WINOGRAD_H
#define NET_WINOGRAD_H

#include "net/correlate.h"

#define winograd_packed_size PER_ISA(winograd_packed_size)
#define winograd_pack        PER_ISA(winograd_pack)
#define winograd             PER_ISA(winograd)

/* Whether a correlation of this shape is done here; a function of the shape alone. */
INLINE bool winograd_fits(const Correlation *g) {
  return g->kernel_h == 3 && g->kernel_w == 3 && g->stride == 1 && g->step == 1 && g->in.c >= 8 &&
         g->out.c >= 8 && g->out.h >= 4 && g->out.w >= 4;
}
size_t winograd_packed_size(const Correlation *g);
void winograd_pack(const Correlation *g, float *packed, Taps taps);
/* As correlate. */
void winograd(const Correlation *g, float *y, const float *x, const float *packed,
              const float *bias, Finish finish);

#endif
