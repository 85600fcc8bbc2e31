/* The shape of one sample: C channels of an H x W image. Flat features are (C, 1, 1). In a tile
 * it is stored x[c][h][w][16], without padding, everywhere: a reshape moves nothing. */
#ifndef NUM_SHAPE_H
#define NUM_SHAPE_H

typedef struct Shape {
  int c, h, w;
} Shape;

static inline long shape_size(Shape s) { return (long)s.c * s.h * s.w; }
static inline int shape_equal(Shape a, Shape b) { return a.c == b.c && a.h == b.h && a.w == b.w; }

#endif
