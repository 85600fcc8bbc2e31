/* The negative phase of the NAE: where a tile of sixteen chains starts, how it runs, what it
 * leaves behind. Source: arXiv 2105.05735, section 4 (on-manifold initialisation); 2206.14225,
 * section 3.
 *
 *   on_manifold  z0 from replay (or fresh), latent chain on H(z), x0 = D(z), visible chain on E(x)
 *   pcd          x0 from replay (or fresh noise), visible chain
 *   cd           x0 = a datum, visible chain */
#ifndef OBJ_NEGATIVE_H
#define OBJ_NEGATIVE_H

#include "mcmc/replay.h"
#include "mcmc/sampler.h"
#include "obj/recon.h"

typedef enum NegativeMode { NEG_ON_MANIFOLD, NEG_PCD, NEG_CD } NegativeMode;

typedef struct NegativeOpts {
  NegativeMode mode;
  const Sampler *z_sampler, *x_sampler;
  ChainOpts z, x;
  bool x_warm; /* start the visible chain at D(z) + sqrt(d T / 2) xi, stationary at once */
  double replay_ratio;
  uint64_t seed;
} NegativeOpts;

typedef struct NegativeStats {
  ChainStats z, x;
} NegativeStats;

typedef struct Negative Negative; /* one thread's buffers */
Negative *negative_new(const Net *net, const Weights *weights, const Distance *distance);
void negative_free(Negative **negative);
/* Run chains c0 .. c0 + 15 and leave the negatives in x (dim, L); for cd x holds the data on
 * entry. */
void negative_tile(Negative *negative, const NegativeOpts *opts, Replay *replay, float *x,
                   long c0, uint32_t step, NegativeStats *stats);

#endif
