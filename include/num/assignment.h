/* The assignment problem: give each of n rows its own one of n columns such that the sum of their
 * costs is smallest. With a cost per pair of points it is optimal transport between two samples
 * of equal weights.
 *
 * Costs are integers, and so are prices, distances and the sum: the result is exact and the same
 * everywhere. Where several assignments are best the order of rows and columns decides. At the end
 * the prices are a certificate: row_price[i] + col_price[j] <= cost[i][j] for all pairs, with
 * equality for the pairs chosen, so the sum of all prices is the smallest sum of costs.
 *
 * An auction finds prices that are right but for one unit, by bids that become finer from phase to
 * phase; then an exact one, and shortest augmenting paths for the few rows that it leaves. Each bid
 * looks at one row of the costs, which for points in a space takes some 40 bids per row: time grows
 * as n^2 while the costs fit the cache, at worst as n^3. With 2,048 chains' ends and jets, 11
 * observables or images of 400 pixels, one core (Zen 4) takes 25 to 45 ms, where shortest paths
 * from reduced rows alone take 0.7 to 1.1 s, POT's network simplex 1.4 to 1.8 s.
 *
 * One thread does it, on every rank, for bids follow one another: sixteen at once on eight threads
 * would be 13,000 rounds of two rows' time, 0.6 us, which is what it takes threads to meet.
 *
 * Source: Bertsekas 1988, Annals of Operations Research 14, 105: auction and epsilon scaling;
 * Jonker and Volgenant 1987, Computing 38, 325: augmenting row reduction, shortest paths. */
#ifndef NUM_ASSIGNMENT_H
#define NUM_ASSIGNMENT_H

#include <stdint.h>

enum { ASSIGNMENT_BITS = 27 }; /* of a cost; with them all sums of a solution fit int32 */

typedef struct Assignment {
  int32_t *col_of, *row_of;       /* (n) the column of a row, the row of a column; -1: none yet */
  int32_t *row_price, *col_price; /* (n) */
  /* scratch */
  int32_t *distance; /* (n) of a column from the free row, along the cheapest path so far */
  int32_t *closed;   /* (n) 0: free, 1: has a row; large: settled */
  int32_t *before;   /* (n) row before the column on that path */
  int32_t *column;   /* (n) settled columns */
  int32_t *free_row; /* (n) rows without a column */
} Assignment;

/* For up to n rows. Owns: the caller. */
Assignment assignment_new(long n);
void assignment_free(Assignment *a);
/* The smallest sum; col_of and the prices hold the rest. cost (n, n), 0 <= cost < 2^27; n <= 2^24.
 * Allocates nothing. */
int64_t assignment_solve(Assignment *a, const int32_t *cost, long n);

#endif
