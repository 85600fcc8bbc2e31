/* The energy of an autoencoder, one definition for training, scoring and sampling:
 *   E(x) = d(x, D(e(x)))     d: obj/distance.h, by default |x - y|^2 / dim
 *   H(z) = E(D(z))           the energy on the decoder's manifold   (arXiv 2105.05735, eq. 3)
 * with gradients to x and z, for one tile. */
#ifndef OBJ_RECON_H
#define OBJ_RECON_H

#include "mcmc/energy.h"
#include "net/net.h"
#include "obj/distance.h"

/* One thread's buffers for energies. */
typedef struct Recon {
  const Net *net;
  const Weights *weights;
  const Distance *distance;
  Work *outer, *inner; /* inner: the decoder below H's outer network */
  float *y, *dy, *x;   /* (dim, L) each */
  float *h;            /* (2 latent, L) */
} Recon;

Recon *recon_new(const Net *net, const Weights *weights, const Distance *distance);
void recon_free(Recon **recon);
/* e[l], and dE/dx (dim, L) unless NULL (wants distance->input). */
void recon_energy(Recon *recon, double e[L], float *dx, const float *x);
/* e[l] = d(target, D(e(x))): the error of what x should have become. */
void recon_error(Recon *recon, double e[L], const float *x, const float *target);
/* H(z) and dH/dz. */
void recon_latent_energy(Recon *recon, double e[L], float *dz, const float *z);
/* kl[l] of the code of a variational autoencoder, in nats; only where vae_code(net). */
void recon_kl(Recon *recon, double kl[L], const float *x);
/* z = e(x); x = D(z); y = D(e(x)) */
void recon_encode(Recon *recon, float *z, const float *x);
void recon_decode(Recon *recon, float *x, const float *z);
void recon_reconstruct(Recon *recon, float *y, const float *x);
/* Views for the samplers. */
Energy recon_visible(Recon *recon);
Energy recon_latent(Recon *recon);

#endif
