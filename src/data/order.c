/* The order of an epoch, computed for one position at a time.
 *
 * The blocks' permutation: the full blocks are permuted among themselves and the short one, if
 * there is one, is put in at a place drawn for it. Like this the place of the short block, on
 * which the bounds of all windows depend, is known without walking through the permutation. */
#include "data/order.h"

#include <stdbool.h>

#include "num/rng.h"

typedef struct Blocks {
  long size;        /* samples of a full block */
  long full;        /* full blocks */
  long count;       /* with the short one */
  long missing;     /* samples that the short block lacks to be full, 0: there is none */
  long short_place; /* its place in the order; count when there is none */
} Blocks;

static Blocks blocks_of(const Order *order, RngKey key, uint64_t epoch) {
  Blocks b = {.size = order->block, .full = order->n / order->block};
  b.missing = (order->block - order->n % order->block) % order->block;
  b.count = b.full + (b.missing > 0);
  uint64_t count = (uint64_t)b.count;
  b.short_place = b.missing ? (long)rng_permute(key, epoch, count, count - 1) : b.count;
  return b;
}

/* Samples of the places before `place`. */
static long samples_before(const Blocks *b, long place) {
  return place * b->size - (place > b->short_place ? b->missing : 0);
}

/* The place of the block that holds sample j of the order. */
static long place_of(const Blocks *b, long j) {
  bool after = j >= samples_before(b, b->short_place + 1);
  return (after && b->missing ? j + b->missing : j) / b->size;
}

static long block_at(const Blocks *b, RngKey key, uint64_t epoch, long place) {
  if (place == b->short_place) return b->full;
  long i = place > b->short_place ? place - 1 : place;
  return (long)rng_permute(key, epoch, (uint64_t)b->full, (uint64_t)i);
}

static RngKey block_key(const Order *order) { return rng_key(order->seed, RNG_BLOCKS); }

static long unmixed(const Blocks *b, RngKey key, uint64_t epoch, long j) {
  long place = place_of(b, j);
  return block_at(b, key, epoch, place) * b->size + j - samples_before(b, place);
}

static long window_of(const Order *order, const Blocks *b, long position) {
  return place_of(b, position) / order->window;
}

static Range positions_of(const Order *order, const Blocks *b, long window) {
  long from = window * order->window, to = from + order->window;
  return (Range){samples_before(b, from), samples_before(b, to < b->count ? to : b->count)};
}

long order_at(const Order *order, uint64_t epoch, long position) {
  Blocks b = blocks_of(order, block_key(order), epoch);
  long window = window_of(order, &b, position);
  Range range = positions_of(order, &b, window);
  uint64_t stream = epoch << 32 | (uint64_t)window, n = (uint64_t)(range.to - range.from);
  RngKey key = rng_key(order->seed, RNG_WINDOW);
  long j = (long)rng_permute(key, stream, n, (uint64_t)(position - range.from));
  return unmixed(&b, block_key(order), epoch, range.from + j);
}

Range order_window(const Order *order, uint64_t epoch, long position) {
  Blocks b = blocks_of(order, block_key(order), epoch);
  return positions_of(order, &b, window_of(order, &b, position));
}

long order_unmixed(const Order *order, uint64_t epoch, long position) {
  Blocks b = blocks_of(order, block_key(order), epoch);
  return unmixed(&b, block_key(order), epoch, position);
}

/* A window at either end, and between them whole ones, of which one may lack samples. */
long order_windows_most(const Order *order, long batch) {
  long full = order->block * order->window;
  long least = full - (order->block - order->n % order->block) % order->block;
  return batch - 2 < least ? 2 : 3 + (batch - 2 - least) / full;
}
