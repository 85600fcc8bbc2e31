/* Replay: each chain keeps its last few results in its own ring of slots, so nothing is exchanged
 * between ranks. A draw is uniform among the chain's filled slots with probability `ratio`, fresh
 * otherwise, by (seed, chain, step). The arrays hold a contiguous range of chains. */
#ifndef MCMC_REPLAY_H
#define MCMC_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "num/rng.h"
#include "num/tile.h"

typedef struct Replay {
  long chain_from, chains; /* the range held here */
  int slots;
  long dim;
  float *state;  /* (chains, slots, dim) */
  uint8_t *fill; /* (chains) slots filled */
  uint8_t *next; /* (chains) slot that the next result goes to */
  uint32_t *age; /* (chains, slots) optimizer steps that the state has lived through */
} Replay;

Replay replay_new(long chain_from, long chains, int slots, long dim);
void replay_free(Replay *replay);
/* x (dim, L): the replayed states of chains c0 .. c0 + 15. drawn[l] is the slot, -1: start fresh
 * (the lane of x is left alone). */
void replay_draw(const Replay *replay, float *x, int drawn[L], long c0, double ratio, RngKey key,
                 uint32_t step);
/* Put results x (dim, L) into the rings; age is that of the slot drawn plus one, or 1 when fresh.
 */
void replay_put(Replay *replay, const float *x, const int drawn[L], long c0);
/* Sums over the chains here: filled slots and their ages. */
void replay_ages(const Replay *replay, int64_t *filled, int64_t *age_sum);

#endif
