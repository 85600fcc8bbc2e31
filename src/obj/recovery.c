#include "obj/recovery.h"

#include <string.h>

#include "base/mem.h"
#include "num/rows.h"

struct Recovery {
  Recon *energy;
  const Manifolds *manifolds;
  Recon **frozen; /* (manifolds) their buffers: outer for e0, inner for d0 */
  int which;
  float *around;   /* (latent, L) z~ */
  double sigma[L]; /* of each chain */
  double weight;   /* T c; see the door */
};

int recovery_choice(uint64_t seed, uint32_t step, int n) {
  uint32_t word[4];
  rng_bits(word, rng_key(seed, RNG_MANIFOLD), 0, step, 0);
  return (int)((uint64_t)word[0] * (uint32_t)n >> 32);
}

long recovery_latent_most(const Manifolds *manifolds) {
  long most = 0;
  for (int k = 0; k < manifolds->n; k++) {
    long latent = shape_size(net_latent(manifolds->at[k].net));
    most = latent > most ? latent : most;
  }
  return most;
}

Recovery *recovery_new(Recon *energy, const Manifolds *manifolds) {
  Recovery *recovery = MEM_NEW(Recovery, "chains", 1);
  recovery->energy = energy;
  recovery->manifolds = manifolds;
  recovery->frozen = MEM_NEW(Recon *, "chains", manifolds->n);
  for (int k = 0; k < manifolds->n; k++) {
    const Manifold *manifold = &manifolds->at[k];
    recovery->frozen[k] = recon_new(manifold->net, &manifold->weights, energy->distance);
  }
  recovery->around = MEM_NEW(float, "chains", recovery_latent_most(manifolds) * L);
  return recovery;
}

void recovery_free(Recovery **recovery) {
  if (!*recovery) return;
  for (int k = 0; k < (*recovery)->manifolds->n; k++) recon_free(&(*recovery)->frozen[k]);
  mem_free(&(*recovery)->frozen);
  mem_free(&(*recovery)->around);
  mem_free(recovery);
}

static long latent_of(const Recovery *recovery) {
  return shape_size(net_latent(recovery->frozen[recovery->which]->net));
}

void recovery_start(Recovery *recovery, const RecoveryOpts *opts, int which, uint64_t seed,
                    float *z, const float *x, const uint64_t chain[L], uint32_t step) {
  RngKey width = rng_key(seed, RNG_DIFFUSE);
  float factor[L];
  recovery->which = which;
  for (int l = 0; l < L; l++) {
    double u = rng_uniform(width, chain[l], step, 0);
    recovery->sigma[l] = opts->sigma_low + (opts->sigma_high - opts->sigma_low) * u;
    factor[l] = (float)recovery->sigma[l];
  }
  long latent = latent_of(recovery);
  rows()->normals(recovery->around, rng_key(seed, RNG_Z_INIT), chain, step, latent);
  recon_encode(recovery->frozen[which], z, x);
  rows()->axpy(z, factor, recovery->around, latent);
  if (recovery->manifolds->at[which].sphere) rows()->unit(z, latent);
  memcpy(recovery->around, z, (size_t)latent * L * sizeof *z);
}

void recovery_decode(Recovery *recovery, float *x, const float *z) {
  recon_decode(recovery->frozen[recovery->which], x, z);
}

/* e += weight |e0(x) - z~|^2 / (2 sigma^2), and its gradient to dx (dim, L) unless NULL. */
static void pull(Recovery *recovery, double e[L], float *dx, const float *x) {
  Recon *frozen = recovery->frozen[recovery->which];
  const Net *net = frozen->net;
  double square[L];
  float spring[L], one[L], *away = frozen->h;
  net_forward(net, frozen->weights, frozen->outer, 0, 0, net->n_encoder,
              dx ? KEEP_SIGNS : KEEP_NOTHING, away, x);
  rows()->squares(square, away, away, recovery->around, 1, latent_of(recovery));
  for (int l = 0; l < L; l++) {
    double stiff = recovery->weight / (recovery->sigma[l] * recovery->sigma[l]);
    e[l] += 0.5 * stiff * square[l];
    spring[l] = (float)stiff, one[l] = 1;
  }
  if (!dx) return;
  rows()->scale(away, spring, latent_of(recovery));
  net_backward(net, frozen->weights, frozen->outer, 0, net->n_encoder, frozen->dy, away);
  rows()->axpy(dx, one, frozen->dy, shape_size(net->input));
}

static void eval_visible(void *self, double e[L], float *dx, const float *x) {
  Recovery *recovery = self;
  recon_energy(recovery->energy, e, dx, x);
  if (recovery->weight > 0) pull(recovery, e, dx, x);
}

static void eval_latent(void *self, double e[L], float *dz, const float *z) {
  Recovery *recovery = self;
  Recon *frozen = recovery->frozen[recovery->which];
  const Net *net = frozen->net;
  net_forward(net, frozen->weights, frozen->inner, 0, net->n_encoder, net->n_nodes,
              dz ? KEEP_SIGNS : KEEP_NOTHING, frozen->x, z);
  eval_visible(self, e, dz ? frozen->y : NULL, frozen->x);
  if (dz)
    net_backward(net, frozen->weights, frozen->inner, net->n_encoder, net->n_nodes, dz,
                 frozen->y);
}

Energy recovery_latent(Recovery *recovery, double weight) {
  recovery->weight = weight;
  return (Energy){latent_of(recovery), eval_latent, recovery};
}

Energy recovery_visible(Recovery *recovery, double weight) {
  recovery->weight = weight;
  return (Energy){shape_size(recovery->energy->net->input), eval_visible, recovery};
}
