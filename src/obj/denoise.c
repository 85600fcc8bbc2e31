/* The denoising autoencoder: noise on the input, the clean sample as target; the energy of a
 * sample stays that without noise. Source: Vincent et al., ICML 2008.
 *
 *   gaussian     x + level xi
 *   masking      a feature is 0 with probability level
 *   salt_pepper  a feature is the sample's largest or smallest value, level / 2 each */
#include <string.h>

#include "num/rows.h"
#include "obj/objective.h"

extern const Objective objective_denoise;

static void gaussian(float *noisy, const float *x, long dim, double level) {
  float factor[L];
  for (int l = 0; l < L; l++) factor[l] = (float)level;
  rows()->scale(noisy, factor, dim);
  for (long i = 0; i < dim * L; i++) noisy[i] += x[i];
}

static void masking(float *noisy, const float *x, long dim, double level) {
  for (long i = 0; i < dim * L; i++) noisy[i] = (double)noisy[i] < level ? 0 : x[i];
}

static void salt_pepper(float *noisy, const float *x, long dim, double level) {
  float low[L], high[L];
  memcpy(low, x, sizeof low), memcpy(high, x, sizeof high);
  for (long i = 0; i < dim * L; i++) {
    int l = (int)(i % L);
    low[l] = x[i] < low[l] ? x[i] : low[l];
    high[l] = x[i] > high[l] ? x[i] : high[l];
  }
  for (long i = 0; i < dim * L; i++) {
    double u = (double)noisy[i];
    noisy[i] = u < level / 2 ? low[i % L] : u < level ? high[i % L] : x[i];
  }
}

/* noisy (dim, L): noise comes in, the noisy sample goes out. */
static void (*const corrupt[])(float *noisy, const float *x, long dim, double level) = {
    [NOISE_GAUSSIAN] = gaussian, [NOISE_MASKING] = masking, [NOISE_SALT_PEPPER] = salt_pepper};

static void draw(float *noise, const ObjectiveOpts *opts, const Leaf *leaf, int t, long dim) {
  RngKey key = rng_key(leaf->seed, RNG_CORRUPT);
  if (opts->noise == NOISE_GAUSSIAN)
    rows()->normals(noise, key, leaf->id[t], leaf->step, dim);
  else
    rows()->uniforms(noise, key, leaf->id[t], leaf->step, dim);
}

static void denoise_leaf(LeafWork *work, const ObjectiveOpts *opts, const Leaf *leaf, float *dw) {
  long dim = shape_size(work->net->input);
  Leaf noisy = *leaf;
  for (int t = 0; t < leaf->tiles; t++) {
    draw(work->x[t], opts, leaf, t, dim);
    corrupt[opts->noise](work->x[t], leaf->x[t], dim, opts->noise_level);
  }
  noisy.x = work->x;
  leaf_plain(work, opts, &noisy, dw);
}

/* Noise makes points that are absent appear, and energies of what is absent. */
static Err check(const ObjectiveOpts *opts, const Net *net) {
  const Node *node = net_reads_points(net);
  if (node && opts->noise != NOISE_MASKING)
    return err_user("denoise.noise: found %s with the layer %s (%s), which leaves absent points "
                    "out; want masking, or layers for a fixed length",
                    opts->noise == NOISE_GAUSSIAN ? "gaussian" : "salt_pepper", node->name,
                    node->op->name);
  if (opts->noise == NOISE_GAUSSIAN || opts->noise_level <= 1) return OK;
  return err_user("denoise.level: found %g, want a probability", opts->noise_level);
}

const Objective objective_denoise = {
    .name = "denoise",
    .help =
        "denoising autoencoder: noise on the input (denoise.noise), the clean sample as target",
    .check = check,
    .leaf = denoise_leaf};
