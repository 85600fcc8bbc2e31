#include "num/assignment.h"

#include "base/mem.h"
#include "num/assignment_scan.h"

Assignment assignment_new(long n) {
  return (Assignment){.col_of = MEM_NEW(int32_t, "assignment", n),
                      .row_of = MEM_NEW(int32_t, "assignment", n),
                      .row_price = MEM_NEW(int64_t, "assignment", n),
                      .col_price = MEM_NEW(int64_t, "assignment", n),
                      .distance = MEM_NEW(int64_t, "assignment", n),
                      .closed = MEM_NEW(int64_t, "assignment", n),
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

/* A column's price is its smallest cost; each row takes the last column that is cheapest there.
 * Returns the number of rows left free. */
static long reduce_columns(Assignment *a, const int32_t *cost, long n) {
  long left = 0;
  for (long j = 0; j < n; j++) a->col_price[j] = cost[j], a->before[j] = 0;
  for (long i = 1; i < n; i++)
    for (long j = 0; j < n; j++) {
      int64_t c = cost[n * i + j], price = a->col_price[j];
      a->before[j] = c < price ? (int32_t)i : a->before[j];
      a->col_price[j] = c < price ? c : price;
    }
  for (long i = 0; i < n; i++) a->col_of[i] = a->row_of[i] = -1;
  for (long j = n; j-- > 0;)
    if (a->col_of[a->before[j]] < 0) join(a, a->before[j], j);
  for (long i = 0; i < n; i++)
    if (a->col_of[i] < 0) a->free_row[left++] = (int32_t)i;
  return left;
}

/* A row's cheapest and second cheapest column after prices. */
typedef struct Offers {
  int64_t best, second;
  long at, at_second;
} Offers;

static Offers offers_of(const AssignmentScan *scan, const int32_t *row, const int64_t *price,
                        long n) {
  Offers o = {.best = scan->cheapest(row, price, n)};
  o.at = scan->find_cost(row, price, o.best, -1, n);
  int64_t left = scan->cheapest(row, price, o.at);
  int64_t right = scan->cheapest(row + o.at + 1, price + o.at + 1, n - o.at - 1);
  o.second = left < right ? left : right;
  o.at_second = scan->find_cost(row, price, o.second, o.at, n);
  return o;
}

/* Free rows take their cheapest column and lower its price until the second cheapest is as good;
 * the row that had it goes on at once, or waits where nothing was gained. Small gains could go on
 * for as long as costs are large: after 2 n turns all that are left wait. */
static long reduce_rows(Assignment *a, const int32_t *cost, long n, long left) {
  long turn = 0, waiting = 0;
  for (long k = 0; k < left; turn++) {
    long row = a->free_row[k++];
    Offers o = offers_of(assignment_scan(), cost + n * row, a->col_price, n);
    long col = o.at, loser = a->row_of[col];
    int64_t gain = o.second - o.best;
    a->col_price[col] -= gain;
    if (!gain && loser >= 0) col = o.at_second, loser = a->row_of[col];
    join(a, row, col);
    if (loser < 0) continue;
    a->col_of[loser] = -1;
    a->free_row[gain && turn < 2 * n ? --k : waiting++] = (int32_t)loser;
  }
  return waiting;
}

/* The nearest free column from the row, among equally near ones a free one, the first. Columns are
 * settled in the order of their distances; their prices follow. */
static long shortest_path(Assignment *a, const int32_t *cost, long row, long n) {
  const AssignmentScan *scan = assignment_scan();
  const int64_t far = INT64_MAX / 8; /* beyond all paths; and twice it is not too large */
  long settled = 0, at = row, col;
  int64_t base = 0, least;
  for (long j = 0; j < n; j++) a->distance[j] = far, a->closed[j] = a->row_of[j] >= 0;
  for (;; settled++) {
    int64_t key = scan->relax(a->distance, a->before, a->closed, cost + n * at, a->col_price,
                              base, (int32_t)at, n);
    col = scan->find(a->distance, a->closed, key, n);
    least = a->distance[col];
    at = a->row_of[col];
    if (at < 0) break;
    a->closed[col] = INT64_MAX / 2;
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

int64_t assignment_solve(Assignment *a, const int32_t *cost, long n) {
  long left = n ? reduce_columns(a, cost, n) : 0;
  int64_t sum = 0;
  for (int pass = 0; pass < 2 && n > 1; pass++) left = reduce_rows(a, cost, n, left);
  for (long k = 0; k < left; k++) augment(a, cost, a->free_row[k], n);
  for (long i = 0; i < n; i++) {
    int32_t chosen = cost[n * i + a->col_of[i]];
    a->row_price[i] = chosen - a->col_price[a->col_of[i]];
    sum += chosen;
  }
  return sum;
}
