/* The sparse, possibly overcomplete autoencoder: mean E(x) + l1 mean |z|_1 + kl sum over the
 * code's features of KL(rho || rho_j), where rho_j is the mean activation of feature j. So that a
 * sample sees no neighbour, rho_j is the running mean of the steps before. Source: Ng, "Sparse
 * autoencoder", 2011, eq. 7. */
#include <math.h>
#include <string.h>

#include "num/elem.h"
#include "obj/objective.h"

extern const Objective objective_sparse;

static double bounded(double mean) { return mean < 1e-3 ? 1e-3 : mean > 0.999 ? 0.999 : mean; }

/* d KL(rho || mean) / d mean; no opinion before the first step (mean NaN). */
static double kl_slope(double rho, double mean) {
  if (isnan(mean)) return 0;
  mean = bounded(mean);
  return (1 - rho) / (1 - mean) - rho / mean;
}

static double kl_value(double rho, double mean) {
  if (isnan(mean)) return 0;
  mean = bounded(mean);
  return rho * elem_log(rho / mean) + (1 - rho) * elem_log((1 - rho) / (1 - mean));
}

/* dz += gradient of the two penalties, and their value. */
static void penalise(LeafWork *work, const ObjectiveOpts *opts, const Leaf *leaf, int t) {
  const float *z = work->z[t];
  long latent = shape_size(net_latent(work->net));
  for (long j = 0; j < latent; j++) {
    double slope = 0, value = 0;
    if (opts->sparse_kl > 0) {
      slope = opts->sparse_kl * kl_slope(opts->sparse_target, leaf->code_mean[j]);
      value = opts->sparse_kl * kl_value(opts->sparse_target, leaf->code_mean[j]);
    }
    for (int l = 0; l < L; l++) {
      double factor = (double)leaf->factor[t][l], at = (double)z[j * L + l];
      double sign = at > 0 ? 1 : at < 0 ? -1 : 0;
      work->dz[t][j * L + l] += (float)(factor * (opts->sparse_l1 * sign + slope));
      leaf->penalty[t] += factor * (opts->sparse_l1 * fabs(at) + value);
    }
  }
}

/* Activations for the running mean, and how many are active. */
static void count_codes(const LeafWork *work, const ObjectiveOpts *opts, const Leaf *leaf,
                        int t) {
  long latent = shape_size(net_latent(work->net));
  for (long i = 0; i < latent * L; i++) {
    double z = (double)work->z[t][i];
    leaf->code_sum[i / L] += code_fixed(z);
    leaf->code_sum[latent] += fabs(z) > opts->sparse_zero;
  }
}

static void sparse_leaf(LeafWork *work, const ObjectiveOpts *opts, const Leaf *leaf, float *dw) {
  const Net *net = work->net;
  int code = net->n_encoder, end = net->n_nodes, tiles = leaf->tiles;
  for (int t = 0; t < tiles; t++) {
    net_forward(net, work->weights, work->work, t, 0, code, KEEP_ALL, work->z[t], leaf->x[t]);
    net_forward(net, work->weights, work->work, t, code, end, KEEP_ALL, work->y[t], work->z[t]);
    leaf_error(work, leaf, t);
    count_codes(work, opts, leaf, t);
  }
  net_gradient(net, work->weights, work->work, tiles, code, end, dw, work->dz, work->y);
  for (int t = 0; t < tiles; t++) penalise(work, opts, leaf, t);
  net_gradient(net, work->weights, work->work, tiles, 0, code, dw, NULL, work->dz);
}

static Err check(const ObjectiveOpts *opts, const Net *net) {
  const char *last = net->node[net->n_encoder - 1].op->name;
  if (opts->sparse_l1 <= 0 && opts->sparse_kl <= 0)
    return err_user("objective: found sparse with sparse.l1 and sparse.kl 0, want one of them");
  if (opts->sparse_kl <= 0 || !strcmp(last, "sigmoid")) return OK;
  return err_user("sparse.kl: found %g with an encoder that ends with %s, want it to end with "
                  "sigmoid, whose activations lie between 0 and 1",
                  opts->sparse_kl, last);
}

const Objective objective_sparse = {
    .name = "sparse",
    .help = "autoencoder with a sparse code: L1 norm (sparse.l1), KL to a mean activation "
            "(sparse.kl)",
    .code_mean = true,
    .check = check,
    .leaf = sparse_leaf};
