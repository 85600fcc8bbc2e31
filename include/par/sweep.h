/* Work on many items by all ranks and threads: ranks own contiguous tiles of sixteen items, the
 * threads of a rank take tiles as they come, and each item leaves a record of a few bytes. What a
 * record holds must depend on nothing but its item; then it is the same for any number of ranks
 * and threads. */
#ifndef PAR_SWEEP_H
#define PAR_SWEEP_H

#include <stddef.h>

#include "par/comm.h"

typedef struct Sweep {
  const char *what; /* for the progress line: "scoring" */
  const char *unit; /* what items are; NULL: "rows" */
  long wave;        /* tiles of each thread between two lines of progress; 0: 64 */
  long items;
  size_t size; /* bytes of a record */
  int threads;
  void *self;
  /* In a thread. Make the records (n, size) of items first .. first + n - 1; n is 16, less in the
   * last tile. */
  void (*tile)(void *self, int thread, void *record, long first, int n);
  /* In the main thread. Get items ready, at most sweep_most(threads) of them, whose tiles come
   * next; NULL: they are. Not for sweep_tiles. */
  Err (*before)(void *self, Range items);
} Sweep;

/* Items of a rank that are at work between two calls of `before`. */
long sweep_most(int threads);

/* Local. The records of the tiles from .. to - 1, in order. */
void sweep_tiles(const Sweep *sweep, void *record, Range tiles);

/* Collective. *all: all records (items, size) on rank 0, in order; NULL on other ranks. Owns: the
 * caller, mem_free. Errors: those of `before`, agreed on. */
Err sweep_gather(void **all, const Comm *comm, const Sweep *sweep);

/* Takes the records of items.from .. items.to - 1, in the main thread. */
typedef Err SweepTake(void *taker, const void *record, Range items);
/* Collective. Hand this rank's records over some thousand at a time, so that memory does not grow
 * with the number of items. Errors: those of `before` and
 * `take`, agreed on. */
Err sweep_stream(const Comm *comm, const Sweep *sweep, SweepTake *take, void *taker);

#endif
