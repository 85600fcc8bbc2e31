#include "num/assignment_scan.h"

#include "num/vec.h"

static int64_t relax(int64_t *restrict distance, int32_t *restrict before,
                     const int64_t *restrict closed, const int32_t *restrict cost,
                     const int64_t *restrict price, int64_t base, int32_t row, long n) {
  int64_t least = INT64_MAX;
  for (long j = 0; j < n; j++) {
    int64_t d = base + cost[j] - price[j], old = distance[j];
    before[j] = d < old ? row : before[j];
    d = d < old ? d : old;
    distance[j] = d;
    d = 2 * d + closed[j];
    least = d < least ? d : least;
  }
  return least;
}

static long find(const int64_t *distance, const int64_t *closed, int64_t key, long n) {
  long j = 0;
  while (2 * distance[j] + closed[j] != key) j++;
  return j;
}

static int64_t cheapest(const int32_t *restrict cost, const int64_t *restrict price, long n) {
  int64_t least = INT64_MAX;
  for (long j = 0; j < n; j++) {
    int64_t c = cost[j] - price[j];
    least = c < least ? c : least;
  }
  return least;
}

static long find_cost(const int32_t *cost, const int64_t *price, int64_t value, long not,
                      long n) {
  long j = 0;
  while (cost[j] - price[j] != value || j == not ) j++;
  return j;
}

const AssignmentScan PER_ISA(assignment_scan) = {relax, find, cheapest, find_cost};
