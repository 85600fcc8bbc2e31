/* Pictures side by side with gaps between them, for a page. */
#ifndef OUT_MOSAIC_H
#define OUT_MOSAIC_H

#include "report_parts.h"

/* A sample as a picture: its first channel. Files hold (rows, C, H, W), (rows, H, W) or
 * (rows, features). */
typedef struct Frame {
  int h, w;
} Frame;

Frame frame_of(const Data *data);
/* Whether it is a picture at all, and not a row of numbers. */
bool frame_is_image(Frame frame);

typedef struct Mosaic {
  int down, across;  /* pictures */
  int rows, columns; /* pixels, gaps included */
  Frame frame;
  double *value; /* (rows, columns), NaN where there is none */
} Mosaic;

/* Blank. Owns: the caller, mem_free(&value). */
Mosaic mosaic_new(int down, int across, Frame frame);
/* One picture: a, or a - b; b NULL: none. */
void mosaic_put(Mosaic *m, int down, int across, const double *a, const double *b);
/* Borrows the values. */
Picture mosaic_picture(const Mosaic *m, const char *name, const char *title);

#endif
