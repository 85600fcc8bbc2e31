/* What people see of a run while it goes: the progress line, and a warning, once, when a
 * sampler's health turns bad. Nothing here enters a result. */
#ifndef TRAIN_HEALTH_H
#define TRAIN_HEALTH_H

#include "train/step.h"

typedef struct Health {
  unsigned said;       /* kinds of trouble that were said and are not over */
  double step_seconds; /* of the last step */
  double plus, minus;  /* of the last step */
} Health;

/* A new progress line for the phase at hand. */
void health_begin(const Stepper *stepper, const State *state);
void health_progress(Health *health, const Stepper *stepper, const State *state,
                     const StepReport *report, double step_seconds);
/* `why`: "done", "stopped". */
void health_end(const Health *health, const State *state, const char *why);
/* Samples that the last step took in a second. */
double health_speed(const Health *health, const Stepper *stepper);
/* After the last step of the warm-up: did the chains' steps get where they should? */
void health_warmup(const State *state, const TrainOpts *opts, const StepReport *report);
void health_warn(Health *health, const State *state, const TrainOpts *opts,
                 const StepReport *report);

#endif
