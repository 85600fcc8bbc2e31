/* What is minimised. An objective turns one leaf of samples into a gradient and their energies; a
 * contrastive one (nae) also says where its negatives come from. One file each, src/obj/<name>.c.
 *
 * The loss of a leaf is the sum over its samples of factor * (linear E + quadratic E^2) (+ terms
 * of the objective's own). For data factor = weight / B and linear = 1 (AE) or 1/T; for negatives
 * factor = 1 / chains, linear = -1/T, quadratic = gamma (models.md, "Energy, loss"). */
#ifndef OBJ_OBJECTIVE_H
#define OBJ_OBJECTIVE_H

#include "net/net.h"
#include "num/tile.h"

typedef struct Leaf {
  int tiles;
  float *const *x;          /* (tiles) of (dim, L) */
  const float (*factor)[L]; /* (tiles, L); 0 for padding */
  const uint64_t (*id)[L];  /* (tiles, L) global sample or chain numbers */
  uint32_t step;
  uint64_t seed;
  double linear, quadratic;
  double (*energy)[L]; /* out: (tiles, L) */
} Leaf;

/* One thread's buffers for leaves of up to `tiles` tiles. */
typedef struct LeafWork {
  const Net *net;
  const Weights *weights;
  Work *work;
  int tiles;
  float **y, **dz; /* (tiles) of (dim, L); of (latent, L) */
} LeafWork;
LeafWork *leaf_work_new(const Net *net, const Weights *weights, int tiles);
void leaf_work_free(LeafWork **work);

typedef struct ObjectiveOpts {
  double sparse_l1; /* sparse: weight of the code's L1 norm */
} ObjectiveOpts;

typedef struct Objective {
  const char *name, *help;
  bool contrastive; /* has a second phase with negatives from Markov chains */
  /* dw (P) += gradient of the leaf's loss; fills leaf->energy. */
  void (*leaf)(LeafWork *work, const ObjectiveOpts *opts, const Leaf *leaf, float *dw);
} Objective;

/* The leaf of every objective whose energy is the reconstruction error, with factor code_l1 |z|_1
 * added to the loss where code_l1 > 0. */
void objective_recon_leaf(LeafWork *work, double code_l1, const Leaf *leaf, float *dw);

const Objective *objective_find(const char *name);
const Objective *objective_at(int i);

#endif
