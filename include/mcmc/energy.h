/* The energy as the samplers see it: a value and a gradient for sixteen states at once. */
#ifndef MCMC_ENERGY_H
#define MCMC_ENERGY_H

#include "num/tile.h"

/* e[l] in double (energies are compared); dx (dim, L), NULL when only the value is wanted. */
typedef struct Energy {
  long dim;
  void (*eval)(void *self, double e[L], float *dx, const float *x);
  void *self;
} Energy;

#endif
