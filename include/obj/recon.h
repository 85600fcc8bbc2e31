/* The energy of an autoencoder, one definition for training, scoring and sampling:
 *   E(x) = |x - D(e(x))|^2 / dim          (arXiv 2105.05735, eq. 3)
 *   H(z) = E(D(z))                        the energy on the decoder's manifold
 * with gradients to x and z, for one tile. */
#ifndef OBJ_RECON_H
#define OBJ_RECON_H

#include "mcmc/energy.h"
#include "net/net.h"

/* One thread's buffers for energies. */
typedef struct Recon {
  const Net *net;
  const Weights *weights;
  Work *outer, *inner; /* inner: the decoder below H's outer network */
  float *y, *r, *x;    /* (dim, L) each */
} Recon;

Recon *recon_new(const Net *net, const Weights *weights);
void recon_free(Recon **recon);
/* e[l], and dE/dx (dim, L) unless NULL. */
void recon_energy(Recon *recon, double e[L], float *dx, const float *x);
/* H(z) and dH/dz. */
void recon_latent_energy(Recon *recon, double e[L], float *dz, const float *z);
/* z = e(x); x = D(z); y = D(e(x)) */
void recon_encode(Recon *recon, float *z, const float *x);
void recon_decode(Recon *recon, float *x, const float *z);
void recon_reconstruct(Recon *recon, float *y, const float *x);
/* Views for the samplers. */
Energy recon_visible(Recon *recon);
Energy recon_latent(Recon *recon);

#endif
