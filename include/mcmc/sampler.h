/* Markov chains: sixteen of them, one per lane, run a whole trajectory on their own. Everything
 * random is a function of (seed, purpose, chain, optimizer step, draw), so a chain is the same on
 * any rank.
 *
 * Two kinds of steps, chosen by name:
 *   langevin (as published)  x' = x - step clip(grad E) / T + noise xi, clamped to bounds; on the
 *                            sphere followed by x / |x|. Step and noise are set apart; its
 *                            nominal temperature is noise^2 T / (2 step).
 *                            Source: arXiv 2206.14225, eq. 11.
 *   mala (exact)             samples exp(-E/T) exactly, on the plane and on the unit sphere.
 *                            Source: Roberts and Tweedie 1996; on the sphere: src/mcmc/mala.c. */
#ifndef MCMC_SAMPLER_H
#define MCMC_SAMPLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mcmc/energy.h"
#include "num/isa.h"
#include "num/rng.h"

/* What "clip 0.01" means: the norm of a sample, of each element, or of each row of the last axis
 * (images: a pixel row), which is what the published codes do. unit is no limit: a sample's
 * gradient of E/T keeps its direction and gets the norm 1. */
typedef enum Clip { CLIP_NONE, CLIP_SAMPLE, CLIP_ELEMENT, CLIP_ROW, CLIP_UNIT } Clip;

typedef struct ChainOpts {
  int steps;
  double step;        /* langevin: step size; mala: l */
  double noise;       /* langevin: standard deviation of the noise */
  bool anneal;        /* langevin: noise / (1 + i) in step i */
  double temperature; /* T */
  Clip clip;
  double clip_norm;
  int row;      /* features of a row, for CLIP_ROW */
  bool bounded; /* clamp to [low, high]; not with mala */
  double low, high;
  bool sphere; /* the state lives on the unit sphere */
  int points;  /* x is a set of so many points: its absent ones, all zeros, stay; 0: it is none */
  float *path; /* langevin: (steps, dim, L) takes the state before each step; NULL: not wanted */
} ChainOpts;

/* What one tile of chains did; sums over lanes, in integers or per lane in double. */
typedef struct ChainStats {
  int64_t proposed, accepted; /* mala */
  int64_t gradients, clipped; /* norms looked at, and how many were above the clip */
  int64_t values, at_bound;   /* components of the final state, and how many sit on a bound */
  double first[L], last[L];   /* energy of the first and the last state */
} ChainStats;

typedef struct Sampler {
  const char *name, *help;
  bool exact; /* samples exp(-E/T) */
  /* Run x (dim, L) in place. chain[l]: global chain numbers, below 2^32 (a step's noise has the
   * step + 1 in the upper half of the id). scratch: sampler_scratch(dim) floats, at a multiple of
   * 64 bytes. Fills stats anew. */
  void (*run)(float *x, const Energy *energy, const ChainOpts *opts, RngKey noise, RngKey accept,
              const uint64_t chain[L], uint32_t step, float *scratch, ChainStats *stats);
} Sampler;

/* By name for the ISA in use; NULL when there is none; the i-th. */
const Sampler *sampler_find(const char *name);
const Sampler *sampler_at(int i);
/* Floats of scratch for states of that dimension. */
size_t sampler_scratch(long dim);
/* z (dim, L) uniform on the unit sphere, or standard normal. */
void sampler_start(float *z, long dim, bool sphere, RngKey key, const uint64_t chain[L],
                   uint32_t step);

#endif
