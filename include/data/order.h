/* The order of an epoch: blocks of `block` consecutive indices of a subset (the last short), one
 * permutation of the blocks; windows of `window` blocks in that order; one permutation of each
 * window's samples. Blocks are what is read in one go, a window is what must be in memory at a
 * time. A pure function of (seed, epoch, position), computed for one position; the same whether
 * the samples are in memory or pass by (data/stream.h). */
#ifndef DATA_ORDER_H
#define DATA_ORDER_H

#include <stdint.h>

#include "par/comm.h"

typedef struct Order {
  long n, block, window;
  uint64_t seed;
} Order;

/* Position 0..n-1 of the epoch -> index into the subset. */
long order_at(const Order *order, uint64_t epoch, long position);
/* The positions of the window that holds this one. */
Range order_window(const Order *order, uint64_t epoch, long position);
/* What would be at the position, were the samples of a window not permuted: walking through a
 * window like this meets block after block, and with from .. to - 1 all of its samples. */
long order_unmixed(const Order *order, uint64_t epoch, long position);
/* The most windows that `batch` consecutive positions of an epoch can touch. */
long order_windows_most(const Order *order, long batch);

#endif
