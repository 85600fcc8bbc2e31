#include "mcmc/replay.h"

#include "base/mem.h"

Replay replay_new(long chain_from, long chains, int slots, long dim) {
  size_t states = (size_t)chains * (size_t)slots;
  return (Replay){.chain_from = chain_from,
                  .chains = chains,
                  .slots = slots,
                  .dim = dim,
                  .state = MEM_NEW(float, "replay slots", states *(size_t)dim),
                  .fill = MEM_NEW(uint8_t, "replay fill", chains),
                  .next = MEM_NEW(uint8_t, "replay next", chains),
                  .age = MEM_NEW(uint32_t, "replay ages", states)};
}

void replay_free(Replay *replay) {
  mem_free(&replay->state);
  mem_free(&replay->fill);
  mem_free(&replay->next);
  mem_free(&replay->age);
}

/* The state (dim) in a slot of the chain at index k here. */
static float *slot_state(const Replay *replay, long k, int slot) {
  return replay->state + (k * replay->slots + slot) * replay->dim;
}

/* A slot of `fill`, or -1. */
static int choose_slot(int fill, double ratio, RngKey key, uint64_t chain, uint32_t step) {
  uint32_t word[4];
  if (!fill || rng_uniform(key, chain, step, 0) >= ratio) return -1;
  rng_bits(word, key, chain, step, 1);
  return (int)((uint64_t)word[0] * (uint32_t)fill >> 32);
}

void replay_draw(const Replay *replay, float *x, int drawn[L], long c0, double ratio, RngKey key,
                 uint32_t step) {
  for (int l = 0; l < L; l++) {
    long k = c0 + l - replay->chain_from;
    drawn[l] = choose_slot(replay->fill[k], ratio, key, (uint64_t)(c0 + l), step);
    if (drawn[l] < 0) continue;
    const float *state = slot_state(replay, k, drawn[l]);
    for (long i = 0; i < replay->dim; i++) x[L * i + l] = state[i];
  }
}

void replay_put(Replay *replay, const float *x, const int drawn[L], long c0) {
  for (int l = 0; l < L; l++) {
    long k = c0 + l - replay->chain_from;
    uint32_t *age = replay->age + k * replay->slots;
    int slot = replay->next[k];
    float *state = slot_state(replay, k, slot);
    for (long i = 0; i < replay->dim; i++) state[i] = x[L * i + l];
    age[slot] = drawn[l] < 0 ? 1 : age[drawn[l]] + 1;
    replay->next[k] = (uint8_t)((slot + 1) % replay->slots);
    if (replay->fill[k] < replay->slots) replay->fill[k]++;
  }
}

void replay_ages(const Replay *replay, int64_t *filled, int64_t *age_sum) {
  *filled = *age_sum = 0;
  for (long k = 0; k < replay->chains; k++) {
    *filled += replay->fill[k];
    for (int s = 0; s < replay->fill[k]; s++) *age_sum += replay->age[k * replay->slots + s];
  }
}
