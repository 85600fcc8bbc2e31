/* How well a score separates. Larger score = more anomalous. AUC = (2 wins + ties) / (2 n_s n_b),
 * with sums of weights for the counts where weights are given. Sums are of doubles, in the order
 * of the scores and then of the rows, so they are the same everywhere. */
#ifndef EVAL_METRICS_H
#define EVAL_METRICS_H

#include <stdbool.h>

/* Background rejection at one signal efficiency. */
typedef struct Rejection {
  double value, error; /* 1/eps_B, interpolated, binomial error */
  bool bound;          /* no background left: "> value" */
} Rejection;

typedef struct Metrics {
  long n_signal, n_background;
  double auc, auc_error; /* DeLong; Source: DeLong et al. 1988 */
  Rejection at20, at30;  /* eps_S = 0.2, 0.3 */
} Metrics;

/* score (n), is_signal (n): 1 signal, 0 background, others are left out; NaN scores are left out.
 * weight NULL: all 1. */
Metrics metrics_compute(const double *score, const signed char *is_signal, const float *weight,
                        long n);
/* One line for people: "AUC 0.9012 +- 0.0021, 1/eps_B(0.3) = 45.1 +- 2.0, ..." */
void metrics_describe(char *text, unsigned long size, const Metrics *metrics);

#endif
