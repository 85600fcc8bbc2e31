/* For each point of one set the nearest of another, both ways, sixteen pairs of sets at a time. A
 * point of x whose features are all zero is absent; all of y's are there. One table per ISA
 * (compiled from src/obj/nearest.c); nearest_finder() is the one in use. */
#ifndef OBJ_NEAREST_H
#define OBJ_NEAREST_H

#include <stdint.h>

#include "num/shape.h"
#include "num/isa.h"
#include "num/tile.h"

enum { NEAREST_POINTS = 256 };

/* Squared distances, and which point it is; of equally near ones the first. Where x has no point
 * at all the squares of y are infinite. */
typedef struct Nearest {
  _Alignas(64) float x_square[NEAREST_POINTS * L]; /* (points, L) */
  float y_square[NEAREST_POINTS * L];
  float x_which[NEAREST_POINTS * L], y_which[NEAREST_POINTS * L];
  uint16_t present[NEAREST_POINTS]; /* of x: one bit per lane */
} Nearest;

typedef struct NearestFinder {
  void (*find)(Nearest *nearest, const float *y, const float *x, Shape shape);
} NearestFinder;

ISA_DECLARE(NearestFinder, nearest_finder);
static inline const NearestFinder *nearest_finder(void) { return ISA_PICK(nearest_finder); }

#endif
