/* Exact optimal transport between n chains' ends and n data, equal weights, squared Euclidean
 * cost: an assignment of one to one. Source: arXiv 2510.02168; W is its mean cost.
 *
 * Ranks share the rows of the cost matrix, each those of its own chains, in double and in a fixed
 * order; all are rounded to whole numbers of one unit, a power of two from the largest, and every
 * rank solves the same assignment of integers (num/assignment.h): the same plan for any number of
 * ranks and threads. The unit is 2^-27 of the largest cost or finer. */
#ifndef TRAIN_TRANSPORT_H
#define TRAIN_TRANSPORT_H

#include <stdbool.h>

#include "num/assignment.h"
#include "num/tile.h"
#include "par/comm.h"

typedef struct Transport {
  const Comm *comm;
  long n, dim;
  Range own; /* tiles of chains of this rank */
  int threads;
  float *to;        /* (n / L, dim, L) the data, on every rank */
  float *spread;    /* (threads, dim, L) one chain's end in all lanes */
  double *square;   /* (own rows, n) distances */
  double *farthest; /* (own rows) the largest */
  int32_t *cost;    /* (n, n) the same in whole units, of all rows */
  Assignment plan;
  double distance; /* W */
  double seconds;  /* that the assignment took, on this rank */
} Transport;

/* n: a multiple of 16. Owns: the caller. Borrows comm. */
Transport *transport_new(const Comm *comm, long n, long dim, Range own, int threads);
void transport_free(Transport **transport);
/* Zeros into `to`, before this rank fills its tiles. */
void transport_clear(Transport *transport);
/* Collective. Put together `to`, of which each rank has filled some tiles since transport_clear. */
void transport_share(Transport *transport);
/* Collective. The plan and W from the chains' ends x (own tiles, dim, L) to the data. False: some
 * distance is not finite. */
bool transport_solve(Transport *transport, const float *x);
/* pull (own tiles, dim, L) = dW/dx = 2 (x - its datum) / n. */
void transport_pull(const Transport *transport, float *pull, const float *x);

#endif
