/* The guard: a snapshot of what was learned every so many steps while all is well; a step that is
 * not finite, or E-/E+ outside its band for so many log rows in a row, takes the run back to it
 * with a smaller rate. A pure function of the state: nothing here looks at a clock. */
#ifndef TRAIN_GUARD_H
#define TRAIN_GUARD_H

#include "train/step.h"

/* Judge a step and act on the state. Errors: too many rollbacks. */
Err guard_step(State *state, const TrainOpts *opts, const StepReport *report, bool log_row);

#endif
