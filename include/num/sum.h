/* Exact sums of doubles: an integer wide enough for all of them, as digits of 32 bits that carry
 * late. Any number of terms up to 2^30 between carries, in any order, spread over threads and
 * ranks that add their digits: the same bits. */
#ifndef NUM_SUM_H
#define NUM_SUM_H

#include <stdint.h>

/* Digit k counts 2^(32 k - 1088): from below the smallest subnormal to beyond the largest. */
enum { SUM_DIGITS = 68 };

typedef struct Sum {
  int64_t digit[SUM_DIGITS];
} Sum;

/* x: finite. */
void sum_add(Sum *sum, double x);
/* Make the digits small again: before 2^30 terms have come, and before ranks add theirs. */
void sum_carry(Sum *sum);
/* The sum as a double, to an ulp or two. Carries first. */
double sum_value(Sum *sum);

#endif
