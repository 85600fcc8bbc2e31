/* How well a model is normalised: log Omega = log integral exp(-E(x)/T) dx over all of x, in the
 * units of the network's input (standardised features: the standardised ones), by annealed
 * importance sampling (mcmc/anneal.h) from a Gaussian, and the log-likelihood of rows. The same
 * bits for any number of ranks and threads. */
#ifndef EVAL_EVIDENCE_H
#define EVAL_EVIDENCE_H

#include "eval/crew.h"
#include "mcmc/importance.h"
#include "model/model.h"
#include "par/comm.h"

typedef struct EvidenceOpts {
  double temperature;
  long chains;
  int rungs, transitions;
  uint64_t seed;
  int normal; /* the class of the rows that count (data/classes.h); without labels all do */
} EvidenceOpts;

/* What rows say. */
typedef struct Held {
  long rows;                    /* normal ones, not refused */
  double energy;                /* their mean */
  double log_likelihood, error; /* mean of -E/T - log Omega; of both parts' errors */
} Held;

/* n T/2, n the inputs: the variance that a feature has around what the network makes of it, and
 * nearly the mean energy, where the model is warm. A scalar energy has no such scale: 0. */
double evidence_thermal(const Model *model, double temperature);

/* Collective. The base has the mean of the normal rows, at most 10,000 of them, and 1.5 times their
 * standard deviation, or that of their variance and the thermal one together, where it is larger;
 * all normal rows are judged. Both results on rank 0 alone. Errors: no normal row; cannot be read
 * again (data/passing.h). */
Err evidence_compute(const Comm *comm, const Model *model, const RowsAsked *asked,
                     const EvidenceOpts *opts, Evidence *evidence, Held *held);

#endif
