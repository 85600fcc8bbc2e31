/* Annealed importance sampling of log Omega = log integral exp(-E(x)/T) dx. A chain starts with a
 * draw from a base density whose integral is known and climbs a ladder 0 = b_0 < ... < b_K = 1 of
 * densities
 *
 *   f_b(x) = exp(-(1 - b) V(x) - b E(x)/T),   V = -log of the base, not normalised:
 *
 * at each rung its log weight grows by (b_k - b_(k-1)) (V(x) - E(x)/T), and exact MALA transitions
 * that leave f_b as it is move it on. The mean weight is Omega over the integral of the base,
 * without bias for any number of transitions. Source: Neal 1998, arXiv physics/9803008, section 2.
 *
 * The base is a Gaussian of diagonal covariance, or uniform on the unit sphere. Chains run in its
 * units, y = (x - mean) / scale, so that one step size suits all features.
 *
 * Chains are numbered globally and a tile of them runs on its own: the same weights on any rank.
 * The pilot has chains of its own, the same on every rank: steps and rungs that followed the
 * chains that are weighed would make a bias. */
#ifndef MCMC_ANNEAL_H
#define MCMC_ANNEAL_H

#include "mcmc/sampler.h"

typedef struct AnnealOpts {
  const Energy *energy;
  double temperature;
  const float *mean, *scale; /* (dim) of the Gaussian; not read on the sphere */
  bool sphere;
  int rungs, transitions; /* K >= 1, and MALA steps on each rung >= 1 */
  uint64_t seed;
} AnnealOpts;

typedef struct Anneal {
  AnnealOpts opts;
  double *b, *step; /* (rungs + 1) the ladder and the step size on each rung */
  /* scratch */
  double at;                 /* b of the density being sampled */
  float *y, *x, *dx, *chain; /* (dim, L) three times; the sampler's */
} Anneal;

/* Borrows: what opts point to. Owns: the caller. */
Anneal anneal_new(const AnnealOpts *opts);
void anneal_free(Anneal *anneal);
/* Choose the ladder, equal steps of the thermodynamic length (integral of the standard deviation
 * of V - E/T over b), and the step sizes, for an acceptance of 0.57. */
void anneal_pilot(Anneal *anneal);
/* Log weights of chains chain .. chain + 15, below 2^31. After anneal_pilot; allocates nothing. */
void anneal_weigh(Anneal *anneal, double log_w[L], uint64_t chain);
/* Log of the integral of the base. */
double anneal_base(const Anneal *anneal);

#endif
