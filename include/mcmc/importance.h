/* Importance weights: the log of their mean, its error, and whether that error means anything.
 *
 * The mean has an error only where the weights have a variance, and draws show one that is too
 * small where the largest weights are yet to come. Both are read from the tail: the largest
 * min(n/5, 3 sqrt(n)) weights follow a generalized Pareto distribution, whose shape k says which
 * moments there are. Below 1/2 the variance is finite; up to min(1 - 1/log10(n), 0.7) n draws still
 * bring the mean near, more slowly than the error says; above they do not. Source: Vehtari et al.,
 * arXiv 1507.02646, sections 2.4 and 3. */
#ifndef MCMC_IMPORTANCE_H
#define MCMC_IMPORTANCE_H

#include <stdbool.h>

/* What the error is worth. */
typedef enum Trust { TRUST_NONE, TRUST_BORDERLINE, TRUST_GOOD } Trust;
/* "none", "borderline", "good" */
extern const char *const importance_trust_name[];

typedef struct Evidence {
  double log_omega;
  double error;     /* of log Omega: sd(w) / (mean(w) sqrt(n)) */
  double effective; /* (sum w)^2 / sum w^2, of n */
  double spread;    /* variance of log w, from those above the median */
  double tail;      /* k; -Inf: the largest are all alike; NaN: too few to tell */
  double limit;     /* above it the error is worth nothing */
  Trust trust;
  bool collapsed; /* neither log_omega nor its error means anything */
} Evidence;

/* From n >= 2 log weights, those of all chains, in any order. The error takes the larger of two
 * variances: that of the weights, and that with the fitted distribution in place of their tail
 * (of shape 0.45 at most: beyond 1/2 there is none). Fewer than ten effective weights, or one that
 * is not finite, count as collapsed. Those weigh nothing; when no others are left, log_omega is not
 * a number. */
Evidence importance_evidence(const double *log_w, long n, double log_base);

#endif
