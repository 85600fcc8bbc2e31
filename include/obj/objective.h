/* What is minimised. An objective turns one leaf of samples into a gradient and their energies; a
 * contrastive one (nae, mpdr) also says where its negatives come from. One file each,
 * src/obj/<name>.c, and one line of the table in src/obj/objectives.c.
 *
 * The loss of a leaf is the sum over its samples of factor * (linear E + quadratic E^2) (+ terms
 * of the objective's own). For data factor = weight / B and linear = 1 (AE) or 1/T; for negatives
 * factor = 1 / chains, linear = -1/T, quadratic = gamma (models.md, "Energy, loss"). */
#ifndef OBJ_OBJECTIVE_H
#define OBJ_OBJECTIVE_H

#include "mcmc/sampler.h"
#include "net/dual.h"
#include "num/rng.h"
#include "num/tile.h"
#include "obj/distance.h"

/* The langevin chains that a leaf of negatives came by. Their ends are the leaf's x. */
typedef struct Track {
  const ChainOpts *chain;
  float *const *path; /* (tiles) of (steps, dim, L): the state before each step */
  float *const *pull; /* (tiles) of (dim, L): gradient of the loss to the ends */
} Track;

typedef struct Leaf {
  int tiles;
  float *const *x;      /* (tiles) of (dim, L) */
  float *const *target; /* (tiles) of (dim, L): what x should become; x itself, unless the data
                               are paired */
  const float (*factor)[L]; /* (tiles, L); 0 for padding */
  const uint64_t (*id)[L];  /* (tiles, L) global sample or chain numbers */
  uint32_t step;            /* with seed and id: the key of an objective's own random numbers */
  uint64_t seed;
  double linear, quadratic;
  const Track *track;      /* of negatives, for objectives with through_chain */
  const double *code_mean; /* (latent) of the steps before, for objectives with code_mean */
  int64_t *code_sum;       /* (latent + 1) += code_fixed of every code; how many are active */
  double (*energy)[L];     /* out: (tiles, L) */
  double *penalty;         /* (tiles) += factor times the objective's own terms, over the lanes */
} Leaf;

/* One thread's buffers for leaves of up to `tiles` tiles. */
typedef struct LeafWork {
  const Net *net;
  const Weights *weights;
  const Distance *distance;
  Work *work;
  int tiles;
  float **x, **y;  /* (tiles) of (dim, L): a noisy input; the reconstruction, then its gradient */
  float **z, **dz; /* (tiles) of (latent, L): the code and its gradient */
  float **h;       /* (tiles) of (2 latent, L): mean and log variance of a code */
  Dual *dual;      /* NULL: no objective with through_chain */
  float **xt, **yt, **dxt; /* (tiles) of (dim, L), with dual: tangents, and what comes of them */
} LeafWork;
LeafWork *leaf_work_new(const Net *net, const Weights *weights, const Distance *distance,
                        int tiles);
void leaf_work_free(LeafWork **work);
/* Room for tangents, for objectives with through_chain. */
void leaf_work_add_dual(LeafWork *work);

typedef enum Noise { NOISE_GAUSSIAN, NOISE_MASKING, NOISE_SALT_PEPPER } Noise;

typedef struct ObjectiveOpts {
  double sparse_l1, sparse_kl; /* sparse: weights of the code's L1 norm, of the KL */
  double sparse_target;        /* of the mean activation */
  double sparse_memory;        /* of the running mean */
  double sparse_zero;          /* a feature beyond it counts as active */
  double vae_beta;
  int vae_anneal_steps;
  Noise noise; /* denoise */
  double noise_level;
} ObjectiveOpts;

typedef struct Objective {
  const char *name, *help;
  bool contrastive;   /* has a second phase with negatives from Markov chains */
  bool through_chain; /* its gradient runs back through them from the transport of their ends to
                         the data: leaf->track */
  bool manifold;      /* its negatives come from frozen autoencoders; no first phase of its own */
  bool likelihood;    /* wants a distance that is one */
  bool code_mean;     /* wants the mean code of the steps before, adds to code_sum */
  /* Errors: a network or options that do not suit. NULL: any will do. */
  Err (*check)(const ObjectiveOpts *opts, const Net *net);
  /* dw (P) += gradient of the leaf's loss; fills leaf->energy. */
  void (*leaf)(LeafWork *work, const ObjectiveOpts *opts, const Leaf *leaf, float *dw);
} Objective;

const Objective *objective_find(const char *name);
const Objective *objective_at(int i);

/* ---- what objectives are made of ---- */

/* A code's feature as an integer, so that any order of adding gives the same sum. */
enum { CODE_BITS = 20 };
static inline int64_t code_fixed(double z) {
  const double most = 1 << CODE_BITS;
  return z > -most && z < most ? (int64_t)(z * most) : 0; /* NaN, too: not cast */
}

/* The leaf of the reconstruction error alone. */
void leaf_plain(LeafWork *work, const ObjectiveOpts *opts, const Leaf *leaf, float *dw);
/* From the reconstruction work->y[t] of tile t: its energies, and work->y[t] = the gradient of
 * the loss to it, factor (linear + 2 quadratic E) dE/dy. */
void leaf_error(LeafWork *work, const Leaf *leaf, int t);

#endif
