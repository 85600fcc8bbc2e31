/* The guard: a snapshot of what was learned every so many steps while all is well; a step that is
 * not finite, a held-out E+ far above that of the phase's start, or E-/E+ (over the steps of a
 * log row) outside its band for so many rows in a row, takes the run back to it with a smaller
 * rate. A pure function of the state: nothing here looks at a clock. */
#ifndef TRAIN_GUARD_H
#define TRAIN_GUARD_H

#include "train/step.h"

/* Judge a step and act on the state; held_out: E+ of the validation after it, NaN if there was
 * none. Errors: too many rollbacks. */
Err guard_step(State *state, const TrainOpts *opts, const StepReport *report, bool log_row,
               double held_out);

#endif
