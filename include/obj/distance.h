/* How far a reconstruction y is from its sample x: d(x, y), and with it the energy of an
 * autoencoder, E(x) = d(x, D(e(x))), the same in training, scoring and sampling. One file each,
 * src/obj/distance_<name>.c; found by name (option `energy`).
 *
 * A sequence or a set of points is an image of one row: features are channels, points are
 * columns; a point of x whose features are all zero is absent. */
#ifndef OBJ_DISTANCE_H
#define OBJ_DISTANCE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "net/net.h"
#include "num/tile.h"

typedef struct Distance {
  const char *name, *help;
  bool scalar;     /* no distance: the one output of a network without decoder, of any sign */
  bool squared;    /* the mean of (y - x)^2: what it leaves of the variance means something */
  bool points;     /* takes points of zeros as absent */
  bool likelihood; /* minus the logarithm of a density of x, up to factor and constant */
  /* d[l] of a tile, and unless dy is NULL its gradient to y (dim, L); dy may be y. */
  void (*eval)(double d[L], float *dy, const float *y, const float *x, Shape shape);
  /* For energies that a chain can follow, both; NULL: it can not be that of an NAE.
   * dx += the gradient to x itself, dy being what eval gave: linear in it.
   * dyt = the tangent of eval's dy from those of y and x, where points are absent 0; dyt may be
   * yt. */
  void (*input)(float *dx, const float *dy, Shape shape);
  void (*tangent)(float *dyt, const float *yt, const float *x, const float *xt, Shape shape);
  /* Errors: samples of this shape have no such distance. NULL: all have. */
  Err (*check)(Shape shape);
} Distance;

const Distance *distance_find(const char *name);
const Distance *distance_at(int i);
/* Errors: the energy can not be that of this network. */
Err distance_suits(const Distance *distance, const Net *net);
/* The energy leaves absent points of a sample out, as a distance or in some layer. */
bool distance_leaves_out(const Distance *distance, const Net *net);

#endif
