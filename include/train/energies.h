/* energies.h5, when training is over: the energies of the samples of the last step (/train), of
 * held-out ones (/valid), of labelled anomalies (/signal) and of the ends of the last step's
 * chains (/negative), those that there are, all under the weights that the stepper has made. For
 * plots: nothing is decided from it. */
#ifndef TRAIN_ENERGIES_H
#define TRAIN_ENERGIES_H

#include "train/rundir.h"
#include "train/validate.h"

/* Collective. `state`: after the last step, which this process has made. Errors: cannot
 * write; a newer run holds the directory. */
Err energies_save(Validator *validator, const Rundir *dir, const State *state);

#endif
