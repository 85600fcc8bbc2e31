/* The sparse, possibly overcomplete autoencoder: mean E(x) + l1 mean |e(x)|_1. */
#include "net/net.h"
#include "obj/objective.h"

extern const Objective objective_sparse;

/* dz += factor l1 sign(z) */
static void penalise(LeafWork *work, const Leaf *leaf, int t, double l1) {
  const float *z = work->z[t];
  long latent = shape_size(net_latent(work->net));
  for (long i = 0; i < latent * L; i++) {
    float slope = (float)((double)leaf->factor[t][i % L] * l1);
    work->dz[t][i] += z[i] > 0 ? slope : z[i] < 0 ? -slope : 0;
  }
}

static void sparse_leaf(LeafWork *work, const ObjectiveOpts *opts, const Leaf *leaf, float *dw) {
  const Net *net = work->net;
  int code = net->n_encoder, end = net->n_nodes, tiles = leaf->tiles;
  for (int t = 0; t < tiles; t++) {
    net_forward(net, work->weights, work->work, t, 0, code, KEEP_ALL, work->z[t], leaf->x[t]);
    net_forward(net, work->weights, work->work, t, code, end, KEEP_ALL, work->y[t], work->z[t]);
    leaf_error(work, leaf, t);
  }
  net_gradient(net, work->weights, work->work, tiles, code, end, dw, work->dz, work->y);
  for (int t = 0; t < tiles; t++) penalise(work, leaf, t, opts->sparse_l1);
  net_gradient(net, work->weights, work->work, tiles, 0, code, dw, NULL, work->dz);
}

const Objective objective_sparse = {.name = "sparse",
                                    .help =
                                        "autoencoder with an L1 penalty on the code (sparse.l1)",
                                    .leaf = sparse_leaf};
