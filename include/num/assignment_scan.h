/* The scans of an assignment over all columns, vectorised: where nearly all of its time goes. One
 * table per ISA (compiled from src/num/assignment_scan.c); integers only, so all agree. */
#ifndef NUM_ASSIGNMENT_SCAN_H
#define NUM_ASSIGNMENT_SCAN_H

#include <stdint.h>

#include "num/isa.h"

typedef struct AssignmentScan {
  /* Shorten distances by way of a row: d = base + cost[j] - price[j]; where that is less than
   * distance[j] it takes its place, and before[j] = row. Returns the smallest of 2 distance[j] +
   * closed[j]. */
  int64_t (*relax)(int64_t *distance, int32_t *before, const int64_t *closed, const int32_t *cost,
                   const int64_t *price, int64_t base, int32_t row, long n);
  /* The first j with 2 distance[j] + closed[j] == key. */
  long (*find)(const int64_t *distance, const int64_t *closed, int64_t key, long n);
  /* The smallest cost[j] - price[j]; the first j where it is `value`, but not `not`. */
  int64_t (*cheapest)(const int32_t *cost, const int64_t *price, long n);
  long (*find_cost)(const int32_t *cost, const int64_t *price, int64_t value, long not, long n);
} AssignmentScan;

ISA_DECLARE(AssignmentScan, assignment_scan);
static inline const AssignmentScan *assignment_scan(void) { return ISA_PICK(assignment_scan); }

#endif
