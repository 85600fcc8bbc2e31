#include "num/rng.h"

#include <Random123/philox.h>
#include <math.h>

#include "num/elem.h"

static void philox(uint32_t out[4], const uint32_t counter[4], const uint32_t key[2]) {
  philox4x32_ctr_t c = {{counter[0], counter[1], counter[2], counter[3]}};
  philox4x32_key_t k = {{key[0], key[1]}};
  philox4x32_ctr_t r = philox4x32_R(10, c, k);
  for (int i = 0; i < 4; i++) out[i] = r.v[i];
}

static uint32_t low(uint64_t x) { return (uint32_t)x; }
static uint32_t high(uint64_t x) { return (uint32_t)(x >> 32); }

RngKey rng_key(uint64_t seed, RngPurpose purpose) {
  const uint32_t counter[4] = {low(seed), high(seed), purpose, 0};
  const uint32_t key[2] = {0x6a65746eu, 0x61650001u}; /* "jetnae", version 1 */
  uint32_t out[4];
  philox(out, counter, key);
  return (RngKey){{out[0], out[1]}};
}

void rng_bits(uint32_t out[4], RngKey key, uint64_t id, uint32_t step, uint32_t draw) {
  const uint32_t counter[4] = {low(id), high(id), step, draw};
  philox(out, counter, key.k);
}

/* The middle of one of 2^52 equal parts of (0, 1): exact in a double, never 0 or 1. */
static double unit_interval(uint32_t first, uint32_t second) {
  uint64_t part = ((uint64_t)first << 32 | second) >> 12;
  return ((double)part + 0.5) * 0x1p-52;
}

double rng_uniform(RngKey key, uint64_t id, uint32_t step, uint32_t draw) {
  uint32_t w[4];
  rng_bits(w, key, id, step, draw);
  return unit_interval(w[0], w[1]);
}

void rng_normal2(double out[2], RngKey key, uint64_t id, uint32_t step, uint32_t draw) {
  uint32_t w[4];
  rng_bits(w, key, id, step, draw);
  double radius = sqrt(-2 * elem_log(unit_interval(w[0], w[1])));
  double turns = unit_interval(w[2], w[3]);
  out[0] = radius * elem_cospi(2 * turns);
  out[1] = radius * elem_sinpi(2 * turns);
}

/* One pass of the Feistel network on 2 * half bits. */
static uint64_t feistel(RngKey key, uint64_t epoch, int half, uint64_t x) {
  uint32_t mask = (uint32_t)((1ull << half) - 1);
  uint32_t left = (uint32_t)(x >> half), right = low(x) & mask, w[4];
  for (uint32_t round = 0; round < 8; round++) {
    rng_bits(w, key, epoch, right, round);
    uint32_t mixed = left ^ (w[0] & mask);
    left = right;
    right = mixed;
  }
  return (uint64_t)left << half | right;
}

uint64_t rng_permute(RngKey key, uint64_t epoch, uint64_t n, uint64_t i) {
  int half = 1;
  while (half < 32 && n > 1ull << (2 * half)) half++;
  do i = feistel(key, epoch, half, i);
  while (i >= n);
  return i;
}
