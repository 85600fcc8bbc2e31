#include "num/assignment.h"

#include "base/mem.h"
#include "num/assignment_scan.h"

Assignment assignment_new(long n) {
  return (Assignment){.col_of = MEM_NEW(int32_t, "assignment", n),
                      .row_of = MEM_NEW(int32_t, "assignment", n),
                      .row_price = MEM_NEW(int32_t, "assignment", n),
                      .col_price = MEM_NEW(int32_t, "assignment", n),
                      .distance = MEM_NEW(int32_t, "assignment", n),
                      .closed = MEM_NEW(int32_t, "assignment", n),
                      .before = MEM_NEW(int32_t, "assignment", n),
                      .column = MEM_NEW(int32_t, "assignment", n),
                      .free_row = MEM_NEW(int32_t, "assignment", n)};
}

void assignment_free(Assignment *a) {
  mem_free(&a->col_of);
  mem_free(&a->row_of);
  mem_free(&a->row_price);
  mem_free(&a->col_price);
  mem_free(&a->distance);
  mem_free(&a->closed);
  mem_free(&a->before);
  mem_free(&a->column);
  mem_free(&a->free_row);
}

static void join(Assignment *a, long row, long col) {
  a->col_of[row] = (int32_t)col;
  a->row_of[col] = (int32_t)row;
}

/* No pairs, and the same prices but for a constant: the highest is 0. None is then below
 * -(C + epsilon) with C the largest cost and epsilon that of the phase before, for a bid leaves its
 * column at most that far below every other one; nor below -4 C in the phase that follows. */
static void release(Assignment *a, long n) {
  int32_t highest = INT32_MIN;
  for (long j = 0; j < n; j++)
    if (a->col_price[j] > highest) highest = a->col_price[j];
  for (long i = 0; i < n; i++) {
    a->col_price[i] -= highest;
    a->col_of[i] = a->row_of[i] = -1;
    a->free_row[i] = (int32_t)i;
  }
}

/* One phase. Each free row takes the column that is cheapest for it after prices, and lowers its
 * price until it is dearer than the second cheapest by epsilon; the row that had the column goes on
 * at once. So every pair is within epsilon of its row's cheapest column, and stays so as prices of
 * others fall. A column keeps its price until its first bid, and none can fall far below that: so
 * all columns have a row in the end.
 *
 * With an epsilon of 0 pairs are exact, but bids may come to nothing: a row without gain waits.
 * Returns how many do. */
static long auction(Assignment *a, const int32_t *cost, long n, int32_t epsilon) {
  const AssignmentScan *scan = assignment_scan();
  long waiting = 0;
  release(a, n);
  for (long k = 0; k < n;) {
    int32_t row = a->free_row[k++];
    Offer o = scan->offer(cost + n * row, a->col_price, n);
    int32_t loser = a->row_of[o.at], fall = o.second - o.best + epsilon;
    if (loser >= 0 && fall == 0) {
      a->free_row[waiting++] = row;
      continue;
    }
    a->col_price[o.at] -= fall;
    join(a, row, o.at);
    if (loser < 0) continue;
    a->col_of[loser] = -1;
    a->free_row[--k] = loser;
  }
  return waiting;
}

/* The nearest free column from the row, among equally near ones a free one, the first. Lengths are
 * costs less both prices: none negative, those of pairs 0. Columns are settled in the order of
 * their distances; their prices follow, so that the path becomes exact and pairs remain so. Prices
 * differ by C + 1 at most, so lengths are up to 2 C + 1, which no free column exceeds, and
 * distances up to twice that. */
static long shortest_path(Assignment *a, const int32_t *cost, long row, long n) {
  enum { FAR = 5 << (ASSIGNMENT_BITS - 1), SETTLED = 9 << (ASSIGNMENT_BITS - 1) };
  const AssignmentScan *scan = assignment_scan();
  int32_t base = -scan->offer(cost + n * row, a->col_price, n).best, least;
  long settled = 0, at = row, col;
  for (long j = 0; j < n; j++) a->distance[j] = FAR, a->closed[j] = a->row_of[j] >= 0;
  for (;; settled++) {
    col = scan->relax(a->distance, a->before, a->closed, cost + n * at, a->col_price, base,
                      (int32_t)at, n);
    least = a->distance[col];
    at = a->row_of[col];
    if (at < 0) break;
    a->closed[col] = SETTLED;
    a->column[settled] = (int32_t)col;
    base = least - (cost[n * at + col] - a->col_price[col]);
  }
  for (long k = 0; k < settled; k++)
    a->col_price[a->column[k]] += a->distance[a->column[k]] - least;
  return col;
}

/* Along the path each row passes to the column that it reached. */
static void augment(Assignment *a, const int32_t *cost, long row, long n) {
  long col = shortest_path(a, cost, row, n), at;
  do {
    at = a->before[col];
    long next = a->col_of[at];
    join(a, at, col);
    col = next;
  } while (at != row);
}

/* The first epsilon is an eighth of the range of costs, each an eighth of the one before, the last
 * one unit: then no price is more than n units from an exact one. */
int64_t assignment_solve(Assignment *a, const int32_t *cost, long n) {
  int64_t sum = 0;
  for (long j = 0; j < n; j++) a->col_price[j] = 0;
  for (int bits = ASSIGNMENT_BITS - 3; n > 1 && bits >= 0; bits -= 3)
    auction(a, cost, n, 1 << bits);
  long left = auction(a, cost, n, 0);
  for (long k = 0; k < left; k++) augment(a, cost, a->free_row[k], n);
  for (long i = 0; i < n; i++) {
    int32_t chosen = cost[n * i + a->col_of[i]];
    a->row_price[i] = chosen - a->col_price[a->col_of[i]];
    sum += chosen;
  }
  return sum;
}
