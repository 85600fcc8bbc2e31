/* Who owns what: a global batch (or all chains) is tiles of sixteen; `leaf` consecutive tiles are
 * a leaf, the last may be short; ranks own contiguous leaves. Plain numbers: one process may play
 * many ranks. */
#ifndef TRAIN_SPLIT_H
#define TRAIN_SPLIT_H

#include "par/comm.h"

typedef struct Split {
  long items, tiles, leaves;
  int leaf; /* tiles of a full leaf */
  Range leaf_mine, tile_mine;
} Split;

/* items: a multiple of 16. */
Split split_new(long items, int leaf, int rank, int size);
/* The tiles of leaf i. */
Range split_tiles(const Split *split, long i);

#endif
