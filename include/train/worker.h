/* What one thread of the step needs: buffers for a leaf, for a tile of chains, for energies, and
 * its partial sums. All made before the first step. */
#ifndef TRAIN_WORKER_H
#define TRAIN_WORKER_H

#include "num/exact.h"
#include "obj/negative.h"
#include "obj/objective.h"
#include "train/packet.h"

typedef struct Worker {
  LeafWork *leaf;
  Recon *recon;
  Negative *negative; /* NULL without a negative phase */
  ExactSum sum;
  float *dw;            /* (P) a leaf's gradient */
  float **x;            /* (tiles) of (dim, L) */
  float *target;        /* (tiles, dim, L) of paired data; else NULL */
  float **view;         /* (tiles) targets; negatives, in arrays of others, */
  float **path, **pull; /* (tiles) and what goes with those: Track */
  float (*factor)[L];   /* (tiles, L) */
  uint64_t (*id)[L];
  double (*energy)[L];
  int64_t count[COUNTS];
  int64_t *spread; /* (n_spread + 1) */
  int64_t *code;   /* (latent + 1) */
  double *penalty; /* (tiles) */
} Worker;

/* (threads) workers for leaves of up to `tiles` tiles; paired: of noisy and clean samples. The
 * first borrows `total` and sums there. */
Worker *workers_new(const Net *net, const Weights *weights, const Distance *distance,
                    const ExactGrid *grid, ExactSum total, int threads, int tiles,
                    bool contrastive, bool paired, size_t n_spread, const Manifolds *manifolds);
void workers_free(Worker **worker, int threads, bool contrastive);

#endif
