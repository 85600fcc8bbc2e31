#include "mcmc/chain.h"

/* x += -drift g + noise xi */
static void move(float *x, const float *g, const float *xi, float drift, float noise, long dim) {
  vec a = v_set(-drift), b = v_set(noise);
  for (long i = 0; i < dim; i++) LANES(l) {
      vec v = v_fma(a, v_load(g + l, i), v_load(x + l, i));
      v_store(x + l, i, v_fma(b, v_load(xi + l, i), v));
    }
}

static int64_t count_at_bound(const float *x, long n, float low, float high) {
  long count = 0;
  for (long i = 0; i < n; i++) count += (x[i] == low) | (x[i] == high);
  return count;
}

static void constrain(float *x, const ChainOpts *opts, long dim) {
  if (opts->bounded) PER_ISA(rows).clamp(x, (float)opts->low, (float)opts->high, dim);
  if (opts->sphere) PER_ISA(rows).unit(x, dim);
}

static void run(float *x, const Energy *energy, const ChainOpts *opts, RngKey noise,
                RngKey accept, const uint64_t chain[L], uint32_t step, float *scratch,
                ChainStats *stats) {
  long dim = energy->dim;
  float *g = scratch, *xi = scratch + dim * L;
  float drift = (float)(opts->step / opts->temperature);
  *stats = (ChainStats){0};
  for (int i = 0; i < opts->steps; i++) {
    if (opts->path) memcpy(opts->path + i * dim * L, x, (size_t)(dim * L) * sizeof *x);
    energy->eval(energy->self, i ? stats->last : stats->first, g, x);
    hold_points(g, x, dim, opts);
    clip_gradient(g, x, dim, opts, stats);
    chain_noise(xi, noise, chain, step, i, dim);
    hold_points(xi, x, dim, opts);
    move(x, g, xi, drift, (float)(opts->anneal ? opts->noise / (1 + i) : opts->noise), dim);
    constrain(x, opts, dim);
  }
  energy->eval(energy->self, stats->last, NULL, x);
  if (!opts->steps) memcpy(stats->first, stats->last, sizeof stats->first);
  if (!opts->bounded) return;
  stats->values = dim * L;
  stats->at_bound = count_at_bound(x, dim * L, (float)opts->low, (float)opts->high);
}

const Sampler PER_ISA(langevin) = {
    .name = "langevin",
    .help = "as published: step and noise set apart, clip, bounds; samples no exact temperature",
    .run = run};
