/* What travels in a step's one sum over ranks: int64 words, so that any order gives the same bits.
 *
 *   gradient   (P) fixed-point sums (num/exact.h)
 *   doubles    one slot per tile, written by its owner as a bit pattern, zero elsewhere;
 *              everybody adds them in tile order afterwards
 *   counters   integers
 *   spread     fixed-point sums over chain states, for their diversity
 *   code       fixed-point sums over the codes of the batch, for objectives that ask */
#ifndef TRAIN_PACKET_H
#define TRAIN_PACKET_H

#include <stddef.h>
#include <stdint.h>

typedef enum Count {
  COUNT_Z_PROPOSED,
  COUNT_Z_ACCEPTED,
  COUNT_Z_GRADIENTS,
  COUNT_Z_CLIPPED,
  COUNT_X_PROPOSED,
  COUNT_X_ACCEPTED,
  COUNT_X_GRADIENTS,
  COUNT_X_CLIPPED,
  COUNT_VALUES,
  COUNT_AT_BOUND,
  COUNT_REPLAY_FILLED,
  COUNT_REPLAY_AGE,
  COUNT_STOP,
  COUNT_SAVE, /* ranks that want to stop; to save */
  COUNTS
} Count;

typedef enum TileSum {
  TILE_PLUS,
  TILE_MINUS,
  TILE_MINUS_SQUARE,
  TILE_PENALTY,
  TILE_SUMS
} TileSum;

typedef struct Packet {
  size_t n_params, n; /* words of the gradient; in all */
  long tiles[TILE_SUMS];
  size_t tile_at[TILE_SUMS], count_at, spread_at, n_spread, code_at, n_code;
  int64_t *word; /* (n) */
} Packet;

/* n_spread: features of a chain's state; one word more holds the sum of squares. n_code: features
 * of the code, 0: not asked for; one word more counts active ones. */
Packet packet_new(size_t n_params, long plus_tiles, long minus_tiles, size_t n_spread,
                  size_t n_code);
void packet_free(Packet *packet);
void packet_clear(Packet *packet);
void packet_set(Packet *packet, TileSum which, long tile, double value);
int64_t *packet_counts(Packet *packet); /* (COUNTS) */
int64_t *packet_spread(Packet *packet); /* (n_spread + 1) */
int64_t *packet_code(Packet *packet);   /* (n_code + 1) */

/* After the reduction: a sum over tiles in tile order. */
double packet_sum(const Packet *packet, TileSum which);
/* Variance over chains and features of the states, over the mean square: 1 is spread about the
 * origin, 0 all alike. */
double packet_diversity(const Packet *packet, int64_t chains);
/* The spread words of one state's component and of its square. */
enum { SPREAD_BITS = 20 };
void spread_add(int64_t *spread, size_t n_spread, const float *state);

#endif
