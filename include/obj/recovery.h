/* Negatives near each datum: its code is diffused, and chains recover from it a sample that the
 * model believes in. Source: arXiv 2310.18677, section 3 (projection-diffusion, recovery).
 *
 *   sigma ~ U(low, high), z~ = e0(x) + sigma xi      (e0, d0): a frozen autoencoder; back on the
 *                                                    sphere where its codes live there
 *   latent chain from z~      on E(d0(z)) + T c |e0(d0(z)) - z~|^2 / (2 sigma^2)
 *   visible chain from d0(z)  on E(x)     + T c |e0(x)     - z~|^2 / (2 sigma^2)
 *
 * both at T, so that the published energy over T is E/T + c |..|^2 / (2 sigma^2). */
#ifndef OBJ_RECOVERY_H
#define OBJ_RECOVERY_H

#include "num/rng.h"
#include "obj/recon.h"

/* A frozen autoencoder. */
typedef struct Manifold {
  const Net *net;
  Weights weights;
  bool sphere; /* its codes live on the unit sphere */
} Manifold;

typedef struct Manifolds {
  int n;
  const Manifold *at; /* (n) */
} Manifolds;

typedef struct RecoveryOpts {
  double sigma_low, sigma_high;
  double z_weight, x_weight; /* c of the latent and of the visible chain */
} RecoveryOpts;

/* Which of n a step takes. */
int recovery_choice(uint64_t seed, uint32_t step, int n);
/* The largest code of them; 0: there are none. */
long recovery_latent_most(const Manifolds *manifolds);

typedef struct Recovery Recovery; /* one thread's buffers */
/* Borrows all arguments; energy is E. */
Recovery *recovery_new(Recon *energy, const Manifolds *manifolds);
void recovery_free(Recovery **recovery);
/* Take manifold `which`; z (its latent, L) = z~ of the data x (dim, L). */
void recovery_start(Recovery *recovery, const RecoveryOpts *opts, int which, uint64_t seed,
                    float *z, const float *x, const uint64_t chain[L], uint32_t step);
/* x = d0(z) */
void recovery_decode(Recovery *recovery, float *x, const float *z);
/* Views for the samplers; weight: T c. Valid until the next start or view. */
Energy recovery_latent(Recovery *recovery, double weight);
Energy recovery_visible(Recovery *recovery, double weight);

#endif
