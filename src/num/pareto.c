#include "num/pareto.h"

#include <math.h>

#include "num/elem.h"

/* The most likely k for a given b = -k/s. */
static double shape_at(double b, const double *x, long n) {
  double sum = 0;
  for (long i = 0; i < n; i++) sum += elem_log1p(-b * x[i]);
  return sum / (double)n;
}

/* Log likelihood of b, at the most likely k; the single point b = 0 is left out. */
static double profile(double b, const double *x, long n) {
  double k = shape_at(b, x, n);
  return k != 0 ? (double)n * (elem_log(-b / k) - k - 1) : -INFINITY;
}

/* Point i + 1/2 of m on the grid that stands for the prior of b. */
static double grid(int i, int m, const double *x, long n) {
  const double spread = 3;
  double quartile = x[(long)((double)n / 4 + 0.5) - 1];
  return 1 / x[n - 1] + (1 - sqrt(m / (i + 0.5))) / (spread * quartile);
}

/* The mean of b over its posterior. */
static double posterior(const double *x, long n) {
  int m = 30 + (int)sqrt((double)n);
  double most = -INFINITY, sum = 0, mean = 0;
  for (int i = 0; i < m; i++) {
    double here = profile(grid(i, m, x, n), x, n);
    most = here > most ? here : most;
  }
  for (int i = 0; i < m; i++) {
    double b = grid(i, m, x, n), p = elem_exp(profile(b, x, n) - most);
    sum += p;
    mean += p * b;
  }
  return mean / sum;
}

Pareto pareto_fit(const double *x, long n) {
  const double prior = 10, centre = 0.5;
  double b = posterior(x, n), k = shape_at(b, x, n), count = (double)n;
  return (Pareto){(count * k + prior * centre) / (count + prior), -k / b};
}

double pareto_mean(Pareto p) { return p.scale / (1 - p.shape); }

double pareto_variance(Pareto p) {
  double mean = pareto_mean(p);
  return mean * mean / (1 - 2 * p.shape);
}
