/* The negative phase of the NAE: where a tile of sixteen chains starts, how it runs, what it
 * leaves behind. Source: arXiv 2105.05735, section 4 (on-manifold initialisation); 2206.14225,
 * section 3.
 *
 *   on_manifold  z0 from replay (or fresh), latent chain on H(z), x0 = D(z), visible chain on E(x)
 *   pcd          x0 from replay (or fresh noise), visible chain
 *   cd           x0 = a datum, visible chain
 *   recovery     latent chain from the diffused code of a datum, x0 = d0(z), visible chain, both
 *                near the datum (obj/recovery.h) */
#ifndef OBJ_NEGATIVE_H
#define OBJ_NEGATIVE_H

#include "mcmc/replay.h"
#include "mcmc/sampler.h"
#include "obj/recovery.h"

typedef enum NegativeMode { NEG_ON_MANIFOLD, NEG_PCD, NEG_CD, NEG_RECOVERY } NegativeMode;
/* Of those that there is a choice of; NULL: recovery, which comes with its objective, and past the
 * end. */
const char *negative_mode_name(int mode);

/* Its chains go on where they were. */
static inline bool negative_replays(NegativeMode mode) {
  return mode == NEG_ON_MANIFOLD || mode == NEG_PCD;
}
/* Its chains start at data. */
static inline bool negative_at_data(NegativeMode mode) { return !negative_replays(mode); }
/* It has latent chains. */
static inline bool negative_latent(NegativeMode mode) {
  return mode == NEG_ON_MANIFOLD || mode == NEG_RECOVERY;
}

typedef struct NegativeOpts {
  NegativeMode mode;
  const Sampler *z_sampler, *x_sampler;
  ChainOpts z, x;
  bool x_warm; /* start the visible chain at D(z) + sqrt(d T / 2) xi, stationary at once */
  double replay_ratio;
  RecoveryOpts recovery;
  int manifold; /* recovery: which one this step takes; z is for its latent space */
  uint64_t seed;
} NegativeOpts;

typedef struct NegativeStats {
  ChainStats z, x;
} NegativeStats;

typedef struct Negative Negative; /* one thread's buffers */
/* manifolds: for recovery; NULL: none. Borrows all arguments. */
Negative *negative_new(const Net *net, const Weights *weights, const Distance *distance,
                       const Manifolds *manifolds);
void negative_free(Negative **negative);
/* Run chains c0 .. c0 + 15 and leave the negatives in x (dim, L); for cd and recovery x holds
 * the data on entry. */
void negative_tile(Negative *negative, const NegativeOpts *opts, Replay *replay, float *x,
                   long c0, uint32_t step, NegativeStats *stats);

#endif
