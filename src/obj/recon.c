/* Energies of an autoencoder and their gradients; see the door. */
#include "obj/recon.h"

#include "base/mem.h"
#include "obj/vae.h"

Recon *recon_new(const Net *net, const Weights *weights, const Distance *distance) {
  Recon *recon = MEM_NEW(Recon, "energies", 1);
  long dim = shape_size(net->input);
  *recon = (Recon){.net = net, .weights = weights, .distance = distance};
  recon->outer = work_new(net, 0);
  recon->inner = work_new(net, 0);
  recon->y = MEM_NEW(float, "energies", dim *L);
  recon->dy = MEM_NEW(float, "energies", dim *L);
  recon->x = MEM_NEW(float, "energies", dim *L);
  recon->h = MEM_NEW(float, "energies", 2 * shape_size(net_latent(net)) * L);
  return recon;
}

void recon_free(Recon **recon) {
  if (!*recon) return;
  work_free(&(*recon)->outer);
  work_free(&(*recon)->inner);
  mem_free(&(*recon)->y);
  mem_free(&(*recon)->dy);
  mem_free(&(*recon)->x);
  mem_free(&(*recon)->h);
  mem_free(recon);
}

void recon_energy(Recon *recon, double e[L], float *dx, const float *x) {
  const Net *net = recon->net;
  Keep keep = dx ? KEEP_SIGNS : KEEP_NOTHING;
  net_forward(net, recon->weights, recon->outer, 0, 0, net->n_nodes, keep, recon->y, x);
  recon->distance->eval(e, dx ? recon->dy : NULL, recon->y, x, net->input);
  if (!dx) return;
  net_backward(net, recon->weights, recon->outer, 0, net->n_nodes, dx, recon->dy);
  recon->distance->input(dx, recon->dy, net->input);
}

void recon_error(Recon *recon, double e[L], const float *x, const float *target) {
  recon_reconstruct(recon, recon->y, x);
  recon->distance->eval(e, NULL, recon->y, target, recon->net->input);
}

void recon_latent_energy(Recon *recon, double e[L], float *dz, const float *z) {
  const Net *net = recon->net;
  Keep keep = dz ? KEEP_SIGNS : KEEP_NOTHING;
  net_forward(net, recon->weights, recon->inner, 0, net->n_encoder, net->n_nodes, keep, recon->x,
              z);
  /* The reconstruction is used up when its gradient is made: y takes dE/dx. */
  recon_energy(recon, e, dz ? recon->y : NULL, recon->x);
  if (dz)
    net_backward(net, recon->weights, recon->inner, net->n_encoder, net->n_nodes, dz, recon->y);
}

void recon_kl(Recon *recon, double kl[L], const float *x) {
  const Net *net = recon->net;
  long latent = shape_size(net_latent(net));
  net_forward(net, recon->weights, recon->outer, 0, 0, net->n_encoder - 1, KEEP_NOTHING, recon->h,
              x);
  vae_kl(kl, recon->h, latent);
}

void recon_encode(Recon *recon, float *z, const float *x) {
  net_forward(recon->net, recon->weights, recon->outer, 0, 0, recon->net->n_encoder, KEEP_NOTHING,
              z, x);
}

void recon_decode(Recon *recon, float *x, const float *z) {
  net_forward(recon->net, recon->weights, recon->inner, 0, recon->net->n_encoder,
              recon->net->n_nodes, KEEP_NOTHING, x, z);
}

void recon_reconstruct(Recon *recon, float *y, const float *x) {
  net_forward(recon->net, recon->weights, recon->outer, 0, 0, recon->net->n_nodes, KEEP_NOTHING,
              y, x);
}

static void eval_visible(void *self, double e[L], float *dx, const float *x) {
  recon_energy(self, e, dx, x);
}

static void eval_latent(void *self, double e[L], float *dz, const float *z) {
  recon_latent_energy(self, e, dz, z);
}

Energy recon_visible(Recon *recon) {
  return (Energy){shape_size(recon->net->input), eval_visible, recon};
}

Energy recon_latent(Recon *recon) {
  return (Energy){shape_size(net_latent(recon->net)), eval_latent, recon};
}
