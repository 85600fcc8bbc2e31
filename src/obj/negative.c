/* The negative phase for one tile of chains; see the door. */
#include "obj/negative.h"

#include <math.h>

#include "base/mem.h"
#include "num/rows.h"

struct Negative {
  Recon *recon;
  Recovery *recovery; /* NULL: there are no frozen autoencoders */
  long dim, latent;
  float *z;       /* (latent, L), of the largest code */
  float *noise;   /* (dim, L) or (latent, L), the larger */
  float *scratch; /* of the samplers */
};

const char *negative_mode_name(int mode) {
  static const char *const name[] = {"on_manifold", "pcd", "cd"};
  _Static_assert(sizeof name / sizeof *name == NEG_RECOVERY, "a name for each choice");
  return mode < NEG_RECOVERY ? name[mode] : NULL;
}

static long larger_of(long a, long b) { return a > b ? a : b; }

Negative *negative_new(const Net *net, const Weights *weights, const Distance *distance,
                       const Manifolds *manifolds) {
  Negative *negative = MEM_NEW(Negative, "chains", 1);
  long dim = shape_size(net->input), latent = shape_size(net_latent(net));
  long widest = larger_of(latent, manifolds ? recovery_latent_most(manifolds) : 0);
  long larger = larger_of(dim, widest);
  negative->recon = recon_new(net, weights, distance);
  if (manifolds) negative->recovery = recovery_new(negative->recon, manifolds);
  negative->dim = dim, negative->latent = latent;
  negative->z = MEM_NEW(float, "chains", widest *L);
  negative->noise = MEM_NEW(float, "chains", larger *L);
  negative->scratch = MEM_NEW(float, "chains", sampler_scratch(larger));
  return negative;
}

void negative_free(Negative **negative) {
  if (!*negative) return;
  recovery_free(&(*negative)->recovery);
  recon_free(&(*negative)->recon);
  mem_free(&(*negative)->z);
  mem_free(&(*negative)->noise);
  mem_free(&(*negative)->scratch);
  mem_free(negative);
}

/* y (dim, L) *= a + b, for all lanes alike */
static void rescale(float *y, double a, double b, long dim) {
  for (long i = 0; i < dim * L; i++) y[i] = (float)(a * (double)y[i] + b);
}

/* A fresh visible start: uniform between the bounds, else standard normal. */
static void fresh_visible(float *x, const ChainOpts *opts, RngKey key, const uint64_t chain[L],
                          uint32_t step, long dim) {
  if (!opts->bounded) {
    rows()->normals(x, key, chain, step, dim);
    return;
  }
  rows()->uniforms(x, key, chain, step, dim);
  rescale(x, opts->high - opts->low, opts->low, dim);
}

/* x (dim, L): from the chains' own replay slots, fresh where none was drawn. */
static void start(Negative *negative, const NegativeOpts *opts, const Replay *replay, float *x,
                  int drawn[L], const uint64_t chain[L], uint32_t step, bool visible) {
  RngKey fresh = rng_key(opts->seed, RNG_Z_INIT);
  long dim = visible ? negative->dim : negative->latent;
  if (visible)
    fresh_visible(negative->noise, &opts->x, fresh, chain, step, dim);
  else
    sampler_start(negative->noise, dim, opts->z.sphere, fresh, chain, step);
  replay_draw(replay, x, drawn, (long)chain[0], opts->replay_ratio,
              rng_key(opts->seed, RNG_REPLAY), step);
  for (int l = 0; l < L; l++)
    if (drawn[l] < 0)
      for (long i = 0; i < dim; i++) x[i * L + l] = negative->noise[i * L + l];
}

/* x += sqrt(dim T / 2) xi: the width of exp(-E/T) off the manifold, so that the visible chain
 * starts at its stationary energy. */
static void warm(Negative *negative, const NegativeOpts *opts, float *x, const uint64_t chain[L],
                 uint32_t step) {
  float width[L];
  for (int l = 0; l < L; l++)
    width[l] = (float)sqrt((double)negative->dim * opts->x.temperature / 2);
  rows()->normals(negative->noise, rng_key(opts->seed, RNG_X_WARM), chain, step, negative->dim);
  rows()->axpy(x, width, negative->noise, negative->dim);
}

static void latent_chain(Negative *negative, const NegativeOpts *opts, const Energy *energy,
                         const uint64_t chain[L], uint32_t step, NegativeStats *stats) {
  opts->z_sampler->run(negative->z, energy, &opts->z, rng_key(opts->seed, RNG_Z_CHAIN),
                       rng_key(opts->seed, RNG_Z_ACCEPT), chain, step, negative->scratch,
                       &stats->z);
}

/* Steps 1 to 3 of the negative phase: replay, latent chain, decoder. */
static void on_manifold(Negative *negative, const NegativeOpts *opts, Replay *replay, float *x,
                        const uint64_t chain[L], uint32_t step, NegativeStats *stats) {
  Energy energy = recon_latent(negative->recon);
  int drawn[L];
  start(negative, opts, replay, negative->z, drawn, chain, step, false);
  latent_chain(negative, opts, &energy, chain, step, stats);
  replay_put(replay, negative->z, drawn, (long)chain[0]);
  recon_decode(negative->recon, x, negative->z);
  if (opts->x_warm) warm(negative, opts, x, chain, step);
}

/* The same near the data that x holds. */
static void recover(Negative *negative, const NegativeOpts *opts, float *x,
                    const uint64_t chain[L], uint32_t step, NegativeStats *stats) {
  Recovery *recovery = negative->recovery;
  recovery_start(recovery, &opts->recovery, opts->manifold, opts->seed, negative->z, x, chain,
                 step);
  Energy energy = recovery_latent(recovery, opts->z.temperature * opts->recovery.z_weight);
  latent_chain(negative, opts, &energy, chain, step, stats);
  recovery_decode(recovery, x, negative->z);
}

static Energy visible_energy(const Negative *negative, const NegativeOpts *opts) {
  if (opts->mode != NEG_RECOVERY) return recon_visible(negative->recon);
  return recovery_visible(negative->recovery, opts->x.temperature * opts->recovery.x_weight);
}

void negative_tile(Negative *negative, const NegativeOpts *opts, Replay *replay, float *x,
                   long c0, uint32_t step, NegativeStats *stats) {
  uint64_t chain[L];
  int drawn[L];
  *stats = (NegativeStats){0};
  for (int l = 0; l < L; l++) chain[l] = (uint64_t)(c0 + l);
  if (opts->mode == NEG_ON_MANIFOLD) on_manifold(negative, opts, replay, x, chain, step, stats);
  if (opts->mode == NEG_PCD) start(negative, opts, replay, x, drawn, chain, step, true);
  if (opts->mode == NEG_RECOVERY) recover(negative, opts, x, chain, step, stats);
  Energy energy = visible_energy(negative, opts);
  if (opts->x.bounded) rows()->clamp(x, (float)opts->x.low, (float)opts->x.high, negative->dim);
  opts->x_sampler->run(x, &energy, &opts->x, rng_key(opts->seed, RNG_X_CHAIN),
                       rng_key(opts->seed, RNG_X_ACCEPT), chain, step, negative->scratch,
                       &stats->x);
  if (opts->mode == NEG_PCD) replay_put(replay, x, drawn, c0);
}
