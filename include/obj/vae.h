/* The code of a variational autoencoder, whose encoder ends with the layer `gaussian`: a Gaussian
 * with mean mu and log variance v, h = (mu, v), against the prior N(0, 1). */
#ifndef OBJ_VAE_H
#define OBJ_VAE_H

#include "net/net.h"
#include "num/tile.h"

/* Whether the encoder ends so. */
bool vae_code(const Net *net);
/* kl[l] = (1/2) sum over D of mu^2 + exp(v) - v - 1, in nats; h (2 D, L). Source: arXiv 1312.6114,
 * appendix B. */
void vae_kl(double kl[L], const float *h, long latent);

#endif
