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
#define winograd_back        PER_ISA(winograd_back)

/* Patches of 4x4 that cover an image. */
INLINE int winograd_patches(Shape s) { return (s.h + 3) / 4 * ((s.w + 3) / 4); }

/* Whether a correlation of this shape is done here; a function of the shape alone. */
INLINE bool winograd_fits(const Correlation *g) {
  return g->kernel_h == 3 && g->kernel_w == 3 && g->stride == 1 && g->step == 1 && g->in.c >= 8 &&
         g->out.c >= 8 && g->out.h >= 4 && g->out.w >= 4;
}

/* Whether the transpose of g is done as the transpose of its transforms: it has fewer patches
 * than the correlation that the transpose is, too, and channels enough to pay for adding them. */
INLINE bool winograd_fits_back(const Correlation *g) {
  return winograd_fits(g) && g->in.c >= 16 && g->out.c >= 16 &&
         winograd_patches(g->out) < winograd_patches(g->in);
}

size_t winograd_packed_size(int outs, int ins);
void winograd_pack(float *packed, int outs, int ins, Taps taps);
/* As correlate. */
void winograd(const Correlation *g, float *y, const float *x, const float *packed,
              const float *bias, Finish finish);
/* The transpose: x (out) to y (in), bias per channel of y; packed for the outputs g->in.c from
 * g->out.c, with the taps of g. */
void winograd_back(const Correlation *g, float *y, const float *x, const float *packed,
                   const float *bias, Finish finish);

#endif
