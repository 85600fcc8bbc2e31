/* The scans of an assignment over all columns: where nearly all of its time goes. One table per
 * ISA (compiled from src/num/assignment_scan.c); integers only, so all agree. */
#ifndef NUM_ASSIGNMENT_SCAN_H
#define NUM_ASSIGNMENT_SCAN_H

#include <stdint.h>

#include "num/isa.h"

/* The smallest cost after prices, the first column that has it, and the smallest of the others. */
typedef struct Offer {
  int32_t best, second;
  long at;
} Offer;

typedef struct AssignmentScan {
  /* Of cost[j] - price[j]; second: INT32_MAX where there is one column. */
  Offer (*offer)(const int32_t *cost, const int32_t *price, long n);
  /* Shorten distances by way of a row: d = base + cost[j] - price[j]; where that is less than
   * distance[j] it takes its place, and before[j] = row. Returns the first column with the
   * smallest 2 distance[j] + closed[j]. */
  long (*relax)(int32_t *distance, int32_t *before, const int32_t *closed, const int32_t *cost,
                const int32_t *price, int32_t base, int32_t row, long n);
} AssignmentScan;

ISA_DECLARE(AssignmentScan, assignment_scan);
static inline const AssignmentScan *assignment_scan(void) { return ISA_PICK(assignment_scan); }

#endif
