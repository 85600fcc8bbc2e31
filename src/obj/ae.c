/* Plain and sparse autoencoders: mean E(x), and with a penalty on the code, + l1 mean |e(x)|_1.
 */
#include "obj/objective.h"

extern const Objective objective_ae, objective_sparse;

static void plain_leaf(LeafWork *work, const ObjectiveOpts *opts, const Leaf *leaf, float *dw) {
  objective_recon_leaf(work, 0, leaf, dw);
}

static void sparse_leaf(LeafWork *work, const ObjectiveOpts *opts, const Leaf *leaf, float *dw) {
  objective_recon_leaf(work, opts->sparse_l1, leaf, dw);
}

const Objective objective_ae = {"ae", "autoencoder: mean reconstruction error", false,
                                plain_leaf};
const Objective objective_sparse = {
    "sparse", "autoencoder with an L1 penalty on the code (sparse_l1)", false, sparse_leaf};
