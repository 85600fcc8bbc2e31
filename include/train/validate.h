/* Energies of held-out samples, and what is decided from them. */
#ifndef TRAIN_VALIDATE_H
#define TRAIN_VALIDATE_H

#include "train/step.h"

typedef struct Validation {
  double plus;   /* weighted mean energy of the normal class */
  double auc;    /* normal against labelled anomalies; NaN when there are none */
  double metric; /* what the selection rule made of it; smaller is better */
} Validation;

typedef struct Validator {
  Stepper *stepper;
  long n_valid, n_signal;
  double *energy; /* (valid tiles + signal tiles, L) */
  long *order;    /* (n_valid + n_signal) for the sort */
} Validator;

Validator *validator_new(Stepper *stepper);
void validator_free(Validator **validator);
/* Collective. With the weights that the stepper has made. Without held-out samples: the training
 * set's energy. */
Validation validate(Validator *validator);
/* (2 wins + ties) / (2 n_a n_b) of b over a, from integers; scratch (n_a + n_b). */
double auc_of(const double *a, long n_a, const double *b, long n_b, long *scratch);
/* What the selection rule minimises. */
double select_metric(const TrainOpts *opts, Phase phase, const Validation *validation,
                     double minus);

#endif
