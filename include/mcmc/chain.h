/* What both kinds of steps share: the clip of a gradient, the noise of a step. For isa_sources
 * only. */
#ifndef MCMC_CHAIN_H
#define MCMC_CHAIN_H

#include "mcmc/sampler.h"
#include "num/rows.h"
#include "num/vec.h"

/* Scale each lane's n values to the norm `limit` where theirs is larger; how many lanes. A norm
 * that is not a number stays one, for the guard to see. */
static inline int clip_norm(float *g, long n, double limit) {
  double sum[L];
  float factor[L];
  int above = 0;
  PER_ISA(rows).dot(sum, g, g, n);
  for (int l = 0; l < L; l++) {
    double norm = sqrt(sum[l]);
    bool over = norm > limit;
    factor[l] = over ? (float)(limit / norm) : 1;
    above += over;
  }
  if (above) PER_ISA(rows).scale(g, factor, n);
  return above;
}

static inline long clip_elements(float *g, long n, float limit) {
  long above = 0;
  for (long i = 0; i < n * L; i++) above += fabsf(g[i]) > limit;
  PER_ISA(rows).clamp(g, -limit, limit, n);
  return above;
}

/* g -= x (x . g), lane by lane: what of a gradient goes along the sphere. */
static inline void clip_tangent(float *g, const float *x, long n) {
  double along[L];
  float minus[L];
  PER_ISA(rows).dot(along, g, x, n);
  for (int l = 0; l < L; l++) minus[l] = (float)-along[l];
  PER_ISA(rows).axpy(g, minus, x, n);
}

/* Each lane's gradient to the norm `norm`, so that of E/T to 1; none where there is no
 * direction. */
static inline void clip_unit(float *g, long n, double norm) {
  double sum[L];
  float factor[L];
  PER_ISA(rows).dot(sum, g, g, n);
  for (int l = 0; l < L; l++) factor[l] = sum[l] == 0 ? 0 : (float)(norm / sqrt(sum[l]));
  PER_ISA(rows).scale(g, factor, n);
}

/* Neither gradient nor noise moves an absent point of x. */
static inline void hold_points(float *g, const float *x, long dim, const ChainOpts *opts) {
  if (opts->points) PER_ISA(rows).clear_absent(g, x, dim / opts->points, opts->points);
}

/* g: the gradient at x. */
static inline void clip_gradient(float *g, const float *x, long dim, const ChainOpts *opts,
                                 ChainStats *stats) {
  long row = opts->clip == CLIP_ROW ? opts->row : dim;
  if (opts->clip == CLIP_NONE) return;
  if (opts->clip == CLIP_UNIT) {
    if (opts->sphere) clip_tangent(g, x, dim);
    clip_unit(g, dim, opts->temperature);
    return;
  }
  if (opts->clip == CLIP_ELEMENT) {
    stats->gradients += dim * L;
    stats->clipped += clip_elements(g, dim, (float)opts->clip_norm);
    return;
  }
  for (long from = 0; from < dim; from += row) {
    long n = dim - from < row ? dim - from : row;
    stats->gradients += L;
    stats->clipped += clip_norm(g + L * from, n, opts->clip_norm);
  }
}

/* Noise of step i of a trajectory. A chain's number takes the low half of the id, the step + 1
 * the high half: starts, which use the bare chain number, stay apart. */
static inline void chain_noise(float *xi, RngKey key, const uint64_t chain[L], uint32_t step,
                               int i, long dim) {
  uint64_t id[L];
  for (int l = 0; l < L; l++) id[l] = chain[l] + ((uint64_t)(i + 1) << 32);
  PER_ISA(rows).normals(xi, key, id, step, dim);
}

#endif
