/* The generalized Pareto distribution, the limit of what exceeds a high threshold of nearly any
 * distribution: P(X > x) = (1 + k x / s)^(-1/k) for x > 0. Moments of order 1/k and above are
 * infinite; with k < 0 it ends at -s/k. */
#ifndef NUM_PARETO_H
#define NUM_PARETO_H

enum { PARETO_LEAST = 5 };

typedef struct Pareto {
  double shape, scale; /* k, s */
} Pareto;

/* Fit to x (n), ascending and positive, n >= PARETO_LEAST. The shape is drawn towards 1/2 as ten
 * more numbers would. Source: Zhang and Stephens 2009, Technometrics 51, 316, with the constants
 * and the prior of Vehtari et al., arXiv 1507.02646, appendix C. */
Pareto pareto_fit(const double *x, long n);
double pareto_mean(Pareto p);     /* shape < 1 */
double pareto_variance(Pareto p); /* shape < 1/2 */

#endif
