#include "num/sorted.h"

#include <math.h>
#include <stdlib.h>

static int ascending(const void *a, const void *b) {
  double p = *(const double *)a, q = *(const double *)b;
  return (p > q) - (p < q);
}

long sorted_numbers(double *x, long n) {
  long numbers = 0;
  for (long i = 0; i < n; i++)
    if (!isnan(x[i])) x[numbers++] = x[i];
  qsort(x, (size_t)numbers, sizeof *x, ascending);
  return numbers;
}

double sorted_quantile(const double *sorted, long n, double share) {
  if (n < 1) return NAN;
  double at = share * (double)(n - 1);
  long i = (long)at;
  if (i + 1 >= n) return sorted[n - 1];
  return sorted[i] + (at - (double)i) * (sorted[i + 1] - sorted[i]);
}
