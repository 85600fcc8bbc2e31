#include "num/assignment.h"

#include "base/mem.h"

Assignment assignment_new(long n) {
  return (Assignment){.col_of = MEM_NEW(int32_t, "assignment", n),
                      .row_of = MEM_NEW(int32_t, "assignment", n),
                      .row_price = MEM_NEW(int64_t, "assignment", n),
                      .col_price = MEM_NEW(int64_t, "assignment", n),
                      .distance = MEM_NEW(int64_t, "assignment", n),
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

static Offers offers_of(const int32_t *row, const int64_t *price, long n) {
  Offers o = {.best = row[0] - price[0], .second = INT64_MAX, .at_second = -1};
  for (long j = 1; j < n; j++) {
    int64_t c = row[j] - price[j];
    if (c >= o.second) continue;
    if (c < o.best) {
      o.second = o.best, o.at_second = o.at;
      o.best = c, o.at = j;
    } else {
      o.second = c, o.at_second = j;
    }
  }
  return o;
}

/* Free rows take their cheapest column and lower its price until the second cheapest is as good;
 * the row that had it goes on at once, or waits where nothing was gained. Small gains could go on
 * for as long as costs are large: after 2 n turns all that are left wait. */
static long reduce_rows(Assignment *a, const int32_t *cost, long n, long left) {
  long turn = 0, waiting = 0;
  for (long k = 0; k < left; turn++) {
    long row = a->free_row[k++];
    Offers o = offers_of(cost + n * row, a->col_price, n);
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

/* Bring the columns at the smallest distance to the front of column[from..n); where they end. */
static long nearest(Assignment *a, long from, long n) {
  int64_t least = INT64_MAX;
  long end = from;
  for (long k = from; k < n; k++) {
    int32_t j = a->column[k];
    int64_t d = a->distance[j];
    if (d > least) continue;
    if (d < least) least = d, end = from;
    a->column[k] = a->column[end];
    a->column[end++] = j;
  }
  return end;
}

/* Shorten distances by way of the settled column. A column that becomes as near as that one joins
 * column[..*end), and ends the search when it is free. Returns it, or -1. */
static long relax(Assignment *a, const int32_t *cost, long settled, long *end, long n) {
  long row = a->row_of[settled];
  const int32_t *c = cost + n * row;
  int64_t least = a->distance[settled], base = least - (c[settled] - a->col_price[settled]);
  for (long k = *end; k < n; k++) {
    int32_t j = a->column[k];
    int64_t d = base + c[j] - a->col_price[j];
    if (d >= a->distance[j]) continue;
    a->distance[j] = d;
    a->before[j] = (int32_t)row;
    if (d > least) continue;
    if (a->row_of[j] < 0) return j;
    a->column[k] = a->column[*end];
    a->column[(*end)++] = j;
  }
  return -1;
}

/* The nearest free column from the row; prices of the columns settled on the way follow. */
static long shortest_path(Assignment *a, const int32_t *cost, long row, long n) {
  long settled = 0, from = 0, end = 0, found = -1;
  for (long j = 0; j < n; j++) {
    a->distance[j] = cost[n * row + j] - a->col_price[j];
    a->before[j] = (int32_t)row;
    a->column[j] = (int32_t)j;
  }
  while (found < 0) {
    if (from == end) {
      settled = from;
      end = nearest(a, from, n);
      for (long k = from; k < end && found < 0; k++)
        if (a->row_of[a->column[k]] < 0) found = a->column[k];
    }
    if (found < 0) found = relax(a, cost, a->column[from++], &end, n);
  }
  for (long k = 0; k < settled; k++) {
    int32_t j = a->column[k];
    a->col_price[j] += a->distance[j] - a->distance[found];
  }
  return found;
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
