/* Energies of held-out samples, and what is decided from them. */
#ifndef TRAIN_VALIDATE_H
#define TRAIN_VALIDATE_H

#include "train/step.h"

typedef struct Validation {
  double plus;        /* weighted mean energy of the normal class */
  double auc;         /* normal against labelled anomalies; NaN when there are none */
  double wasserstein; /* W between held-out samples and the last negatives; NaN: not asked for */
  /* Share of the variance of normal samples (some hundred of them) that their reconstructions
   * explain: 0 is what the mean of the class does, less is worse; NaN where the energy is no
   * squared distance. */
  double explained;
  double metric; /* what the selection rule made of it; smaller is better; NaN: no choice */
} Validation;

typedef struct Validator {
  Stepper *stepper;
  long n_valid, n_signal;
  double *energy;        /* (valid tiles + signal tiles, L) */
  double *value;         /* (n_valid + n_signal) the same without the ends of tiles */
  double *weight;        /* (n_valid + n_signal) */
  long *order;           /* (n_valid + n_signal) for the sort */
  double *moments;       /* (2, dim) */
  float *reconstruction; /* (dim, L) */
  Transport *transport;  /* between held-out samples and negatives; NULL: nobody asks */
} Validator;

Validator *validator_new(Stepper *stepper);
void validator_free(Validator **validator);
/* Collective. With the weights that the stepper has made. Without held-out samples: the training
 * set's energy. */
Validation validate(Validator *validator, const State *state);
/* Local. Energies of rows of a data set (negative: a copy of lane 0). */
void worker_energy(Worker *worker, const Dataset *data, const long row[L], double e[L]);
/* Weighted share of pairs in which a value of `signal` is above one of `normal`, ties half: value
 * and weight (n_normal + n_signal), normal ones first; order: scratch of that length. Values that
 * are NaN are left out, as in scoring; NaN when a class is empty then. Without weights, or with
 * whole ones, all sums are integers. */
double auc_of(const double *value, const double *weight, long n_normal, long n_signal,
              long *order);
/* Held-out samples, and as many negatives, that W is made of: the first ones of both, a multiple
 * of 16. */
long wasserstein_samples(const TrainOpts *opts, long valid);
/* Whether each chain belongs to a datum: it starts there, or ends there. */
bool chains_at_data(const TrainOpts *opts);
/* Whether |E+ - E-| says how far an NAE phase has come: not where T follows E+ (a warm E- starts at
 * E+), where chains start or end at data, nor for energies without zero. */
bool gap_tells(const TrainOpts *opts);
/* The rule of a phase: never auto, and gap for the NAE phase alone (without negatives, loss). */
SelectBy select_rule(const TrainOpts *opts, Phase phase);
/* What the selection rule minimises. */
double select_metric(const TrainOpts *opts, Phase phase, const Validation *validation,
                     double minus);

#endif
