/* Order statistics. */
#ifndef NUM_SORTED_H
#define NUM_SORTED_H

/* Sort the numbers among x (n) ascending, to its front; returns how many: NaN are left out. */
long sorted_numbers(double *x, long n);
/* The value below which a share of the sorted (n) lies, between neighbours in proportion; NaN when
 * there are none. */
double sorted_quantile(const double *sorted, long n, double share);

#endif
