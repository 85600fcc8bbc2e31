/* Random numbers as a pure function of (seed, purpose, id, step, draw): counter-based
 * Philox4x32-10 (Random123). No state, so that the number that sample 17 gets in step 5 is the
 * same on any rank.
 *
 * The counter is (id low, id high, step, draw), the key is mixed from seed and purpose. `id` is a
 * global sample, chain or parameter number. One call gives four 32-bit words; `draw` counts
 * calls. */
#ifndef NUM_RNG_H
#define NUM_RNG_H

#include <stdint.h>

/* Named purposes keep streams apart. The numbers are part of the results: append, never renumber.
 */
typedef enum RngPurpose {
  RNG_INIT = 1,     /* weight initialisation: id = parameter, step = tensor */
  RNG_SPECTRAL = 2, /* start vectors of the power iteration */
  RNG_SPLIT = 3,    /* hashed train / validation split: id = sample */
  RNG_BLOCKS = 4,   /* order of blocks: step = epoch */
  RNG_WINDOW = 5,   /* order inside a window: step = epoch */
  RNG_REPLAY = 6,   /* replay or fresh, and which slot: id = chain */
  RNG_Z_INIT = 7,   /* fresh latent start: id = chain */
  RNG_Z_CHAIN = 8,  /* latent chain's noise: id = chain, step = optimizer step */
  RNG_Z_ACCEPT = 9,
  RNG_X_CHAIN = 10, /* visible chain's noise */
  RNG_X_ACCEPT = 11,
  RNG_TOY = 12,          /* toy jets: id = jet */
  RNG_CORRUPT = 13,      /* denoising noise: id = sample */
  RNG_REPARAM = 14,      /* VAE reparametrisation */
  RNG_BOOTSTRAP = 15,    /* errors of metrics */
  RNG_SAMPLE = 16,       /* samples for the user */
  RNG_DEQUANT = 17,      /* dequantisation of integer pixels */
  RNG_X_WARM = 18,       /* thermal start of a visible chain: id = chain */
  RNG_CHIRP = 19,        /* chirps: id = sample, step 0 parameters, 1 noise */
  RNG_OUTLIER = 20,      /* outliers to score: id = row */
  RNG_ANNEAL_START = 21, /* evidence: draws from the base: id = chain */
  RNG_ANNEAL_CHAIN = 22, /* evidence: noise, step = rung */
  RNG_ANNEAL_ACCEPT = 23,
  RNG_DIFFUSE = 24,  /* mpdr: width of a code's diffusion: id = chain */
  RNG_MANIFOLD = 25, /* mpdr: which frozen autoencoder a step takes */
} RngPurpose;

typedef struct RngKey {
  uint32_t k[2];
} RngKey;

RngKey rng_key(uint64_t seed, RngPurpose purpose);
void rng_bits(uint32_t out[4], RngKey key, uint64_t id, uint32_t step, uint32_t draw);

/* Uniform in (0, 1), 53 bits: from the first two words of a draw. Never 0 or 1. */
double rng_uniform(RngKey key, uint64_t id, uint32_t step, uint32_t draw);
/* Two independent standard normal numbers from one draw (Box-Muller). */
void rng_normal2(double out[2], RngKey key, uint64_t id, uint32_t step, uint32_t draw);

/* A permutation of 0..n-1 as a function: where position i goes. Feistel network of 8 rounds on
 * the smallest even number of bits that holds n, cycle walking. n >= 1. */
uint64_t rng_permute(RngKey key, uint64_t epoch, uint64_t n, uint64_t i);

#endif
