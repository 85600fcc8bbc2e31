/* The Wasserstein normalised autoencoder: training moves the ends of Markov chains towards the
 * data, by the gradient of their squared Wasserstein-2 distance W through the chains themselves.
 * Source: arXiv 2510.02168. With the steps x' = x - (s/T) grad E(x) + noise, and lambda' the
 * gradient to x',
 *
 *   lambda = lambda' - (s/T) H(x) lambda',   dw += -(s/T) d/dw [grad E(x) . lambda']
 *
 * H the Hessian of E. Both are what a pass on dual numbers gives along -(s/T) lambda'. States are
 * stored, activations made anew; a component that a bound held back passes no gradient, nor does an
 * absent point; where the chains started is taken as given, also where a decoder made it.
 *
 * Of batches of n samples W is not least where both densities are one: a narrower model has a
 * smaller W, the more so the more dimensions and the fewer samples. */
#include <string.h>

#include "num/rows.h"
#include "obj/objective.h"

extern const Objective objective_wnae;

static Err check(const ObjectiveOpts *opts, const Net *net) {
  const Node *node = dual_refused(net);
  if (!node) return OK;
  return err_user("objective: found wnae with the layer %s (%s), through which no second "
                  "derivatives go; want a code without noise (no gaussian)",
                  node->name, node->op->name);
}

static void energies(LeafWork *work, const Leaf *leaf) {
  const Net *net = work->net;
  for (int t = 0; t < leaf->tiles; t++) {
    net_forward(net, work->weights, work->work, t, 0, net->n_nodes, KEEP_NOTHING, work->y[t],
                leaf->x[t]);
    work->distance->eval(leaf->energy[t], NULL, work->y[t], leaf->x[t], net->input);
  }
}

/* xt = -(s/T) lambda, without what a bound held back or what is absent: x is the state after the
 * step. */
static void make_tangent(float *xt, float *lambda, const float *x, const ChainOpts *chain,
                         long n) {
  float drift = (float)(chain->step / chain->temperature);
  float low = (float)chain->low, high = (float)chain->high;
  if (chain->points) rows()->clear_absent(lambda, x, n / L / chain->points, chain->points);
  for (long i = 0; i < n; i++) {
    if (chain->bounded && (x[i] <= low || x[i] >= high)) lambda[i] = 0;
    xt[i] = -drift * lambda[i];
  }
}

/* From lambda after a step to lambda before it: of E = d(x, y), both y and x move. */
static void step_back(LeafWork *work, const Leaf *leaf, float *const *lambda, int step,
                      float *dw) {
  const Net *net = work->net;
  const Distance *distance = work->distance;
  const ChainOpts *chain = leaf->track->chain;
  long dim = shape_size(net->input), size = dim * L;
  float one[L];
  double unused[L];
  for (int l = 0; l < L; l++) one[l] = 1;
  for (int t = 0; t < leaf->tiles; t++) {
    const float *x = leaf->track->path[t] + step * size;
    const float *after = step + 1 < chain->steps ? x + size : leaf->x[t];
    float *y = work->y[t], *yt = work->yt[t];
    make_tangent(work->xt[t], lambda[t], after, chain, size);
    dual_forward(net, work->weights, work->dual, t, y, yt, x, work->xt[t]);
    distance->eval(unused, y, y, x, net->input);
    distance->tangent(yt, yt, x, work->xt[t], net->input);
  }
  dual_gradient(net, work->weights, work->dual, leaf->tiles, dw, work->dxt, work->y, work->yt);
  for (int t = 0; t < leaf->tiles; t++) {
    rows()->axpy(lambda[t], one, work->dxt[t], dim);
    distance->input(lambda[t], work->yt[t], net->input);
  }
}

static void wnae_leaf(LeafWork *work, const ObjectiveOpts *opts, const Leaf *leaf, float *dw) {
  const Track *track = leaf->track;
  size_t bytes = (size_t)shape_size(work->net->input) * L * sizeof(float);
  energies(work, leaf);
  if (!track) return;
  for (int t = 0; t < leaf->tiles; t++) memcpy(work->x[t], track->pull[t], bytes);
  for (int step = track->chain->steps; step-- > 0;) step_back(work, leaf, work->x, step, dw);
}

const Objective objective_wnae = {
    .name = "wnae",
    .help = "Wasserstein normalised autoencoder: samples from the model are moved to the data",
    .contrastive = true,
    .through_chain = true,
    .check = check,
    .leaf = wnae_leaf};
