#include "num/sum.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { BITS = 32, LOWEST = -1088 };
static const int64_t MASK = 0xffffffff;

void sum_add(Sum *sum, double x) {
  uint64_t word;
  memcpy(&word, &x, sizeof word);
  int exponent = (int)(word >> 52 & 0x7ff), hidden = exponent > 0;
  uint64_t mantissa = (word & 0xfffffffffffff) | (uint64_t)hidden << 52;
  /* |x| = mantissa 2^(exponent - 1075), subnormals as if their exponent were 1 */
  int shift = exponent + !hidden - 1075 - LOWEST;
  unsigned __int128 wide = (unsigned __int128)mantissa << shift % BITS;
  int64_t *digit = sum->digit + shift / BITS, sign = word >> 63 ? -1 : 1;
  digit[0] += sign * ((int64_t)wide & MASK);
  digit[1] += sign * ((int64_t)(wide >> BITS) & MASK);
  digit[2] += sign * (int64_t)(wide >> 2 * BITS);
}

/* Digits of 32 bits, all but the last one not negative. */
void sum_carry(Sum *sum) {
  for (int k = 0; k + 1 < SUM_DIGITS; k++) {
    int64_t low = sum->digit[k] & MASK;
    sum->digit[k + 1] += (sum->digit[k] - low) / (MASK + 1);
    sum->digit[k] = low;
  }
}

/* Of a negative sum the digits are turned over first, so that none cancels another. */
double sum_value(Sum *sum) {
  sum_carry(sum);
  bool negative = sum->digit[SUM_DIGITS - 1] < 0;
  Sum size = *sum;
  for (int k = 0; negative && k < SUM_DIGITS; k++) size.digit[k] = -size.digit[k];
  if (negative) sum_carry(&size);
  double value = 0;
  for (int k = SUM_DIGITS - 1; k >= 0; k--)
    if (size.digit[k]) value += ldexp((double)size.digit[k], BITS * k + LOWEST);
  return negative ? -value : value;
}
