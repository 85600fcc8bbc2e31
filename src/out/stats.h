/* Numbers of plots: histograms, profiles, efficiencies. NaN values are left out everywhere. */
#ifndef OUT_STATS_H
#define OUT_STATS_H

#include <stdbool.h>

/* Bins of one width, or of one ratio. */
typedef struct Bins {
  int n;
  double low, high;
  bool log; /* low > 0 */
} Bins;

/* Make the bins reach over all values of x (n) with take[i] == which (take NULL: all), of the
 * positive ones when `log`, which ends at the first negative one; a second call widens them.
 * Without any value high stays at low. */
void bins_reach(Bins *bins, const double *x, const signed char *take, signed char which, long n);
double bins_middle(const Bins *bins, int i);
/* -1: outside. */
int bins_find(const Bins *bins, double x);

/* Share of the rows with take[i] == which (take NULL: all) in each bin: share (bins); returns how
 * many rows were in. */
long histogram(double *share, const Bins *bins, const double *x, const signed char *take,
               signed char which, long n);

/* The middle of y and what 16 and 84 % of the rows lie below, in each bin of x: (bins) each; NaN
 * in bins with fewer than `least` rows. */
void profile(double *middle, double *low, double *high, const Bins *bins, const double *x,
             const double *y, const signed char *take, signed char which, long n, long least);

/* Efficiencies of signal and background above each threshold, from the highest score down,
 * thinned to what a plot can show: a point wherever one of them has moved by a part in 400, or the
 * background by 2 % of itself. The first point has a background. */
typedef struct Roc {
  int n;
  double n_signal, n_background;
  double *signal, *background; /* (n) */
} Roc;
/* Owns: the caller, roc_free. n = 0: one of the classes is missing. */
Roc roc_new(const double *score, const signed char *is_signal, long n);
void roc_free(Roc *roc);
/* Binomial error of the background efficiency over itself. */
double roc_error(const Roc *roc, int i);

#endif
