/* The variational autoencoder: mean of E(x) + (beta / dim) KL, which is the sum over features of
 * the distance plus beta KL, over dim; z = mu + exp(v/2) xi. With energy mse the likelihood is
 * Gaussian (of variance 1/2), with bernoulli it is that. beta grows from 0 to its value over the
 * first vae.anneal_steps steps. Source: arXiv 1312.6114, eqs. 7 and 10; beta: Higgins et al.,
 * ICLR 2017. */
#include "obj/vae.h"

#include <string.h>

#include "num/elem.h"
#include "num/rows.h"
#include "obj/objective.h"

extern const Objective objective_vae;

bool vae_code(const Net *net) {
  return net->n_encoder > 1 && net_code(net) == CODE_GAUSSIAN;
}

void vae_kl(double kl[L], const float *h, long latent) {
  const float *v = h + latent * L;
  memset(kl, 0, L * sizeof *kl);
  for (long i = 0; i < latent * L; i++) {
    double mu = (double)h[i], log_variance = (double)v[i];
    kl[i % L] += 0.5 * (mu * mu + elem_exp(log_variance) - log_variance - 1);
  }
}

static Err check(const ObjectiveOpts *opts, const Net *net) {
  if (vae_code(net)) return OK;
  return err_user("objective: found vae with an encoder that ends with %s, want it to end with "
                  "the layer gaussian, behind a layer of twice as many features as the code has",
                  net->node[net->n_encoder - 1].op->name);
}

static double beta_at(const ObjectiveOpts *opts, uint32_t step) {
  if (step >= (uint32_t)opts->vae_anneal_steps) return opts->vae_beta;
  return opts->vae_beta * (double)step / (double)opts->vae_anneal_steps;
}

/* z (D, L) = mu + exp(v/2) xi */
static void draw(float *z, const float *h, long latent, const Leaf *leaf, int t) {
  rows()->normals(z, rng_key(leaf->seed, RNG_REPARAM), leaf->id[t], leaf->step, latent);
  for (long i = 0; i < latent * L; i++) {
    double width = elem_exp(0.5 * (double)h[latent * L + i]);
    z[i] = (float)((double)h[i] + width * (double)z[i]);
  }
}

/* h becomes the loss's gradient to it: through z, whose gradient is dz, and through the KL. */
static void code_gradient(LeafWork *work, const Leaf *leaf, int t, double unit) {
  long latent = shape_size(net_latent(work->net));
  float *mu = work->h[t], *v = mu + latent * L;
  for (long i = 0; i < latent * L; i++) {
    double dz = (double)work->dz[t][i], factor = (double)leaf->factor[t][i % L] * unit;
    double noise = (double)work->z[t][i] - (double)mu[i], variance = elem_exp((double)v[i]);
    v[i] = (float)(0.5 * dz * noise + 0.5 * factor * (variance - 1));
    mu[i] = (float)(dz + factor * (double)mu[i]);
  }
}

static void add_penalty(LeafWork *work, const Leaf *leaf, int t, double unit) {
  double kl[L];
  vae_kl(kl, work->h[t], shape_size(net_latent(work->net)));
  for (int l = 0; l < L; l++) leaf->penalty[t] += (double)leaf->factor[t][l] * unit * kl[l];
}

static void vae_leaf(LeafWork *work, const ObjectiveOpts *opts, const Leaf *leaf, float *dw) {
  const Net *net = work->net;
  const int code = net->n_encoder, end = net->n_nodes, tiles = leaf->tiles;
  const double unit = beta_at(opts, leaf->step) / (double)shape_size(net->input);
  for (int t = 0; t < tiles; t++) {
    float *h = work->h[t], *z = work->z[t];
    net_forward(net, work->weights, work->work, t, 0, code - 1, KEEP_ALL, h, leaf->x[t]);
    draw(z, h, shape_size(net_latent(net)), leaf, t);
    net_forward(net, work->weights, work->work, t, code, end, KEEP_ALL, work->y[t], z);
    leaf_error(work, leaf, t);
    add_penalty(work, leaf, t, unit);
  }
  net_gradient(net, work->weights, work->work, tiles, code, end, dw, work->dz, work->y);
  for (int t = 0; t < tiles; t++) code_gradient(work, leaf, t, unit);
  net_gradient(net, work->weights, work->work, tiles, 0, code - 1, dw, NULL, work->h);
}

const Objective objective_vae = {
    .name = "vae",
    .help = "variational autoencoder: reconstruction error and KL to a normal prior (vae.beta)",
    .likelihood = true,
    .check = check,
    .leaf = vae_leaf};
