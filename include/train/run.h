/* A run in the making: what the step loop works on, and how it is opened and closed. */
#ifndef TRAIN_RUN_H
#define TRAIN_RUN_H

#include "train/health.h"
#include "train/logfile.h"
#include "train/rundir.h"
#include "train/step.h"
#include "train/train.h"
#include "train/validate.h"

typedef struct Run {
  const Comm *comm;
  TrainOpts opts; /* with what follows from the data filled in */
  const NetSpec *spec;
  const TrainInput *input;
  const Objective *objective;
  Net *net;
  Split chains;
  Rundir dir;
  State state;
  Stepper *stepper;
  Validator *validator;
  LogFile *log;                  /* rank 0 */
  double started, saved, looked; /* clock: start, last checkpoint, last look for a stop file */
  double deadline, longest;      /* clock: when to stop; s: the longest step so far, with all that
                                    follows it */
  Health health;
} Run;

static inline bool run_is_first(const Run *run) { return comm_rank(run->comm) == 0; }

static inline const PhaseOpts *run_phase(const Run *run) {
  return phase_opts(&run->opts, run->state.at.phase);
}

static inline bool run_phase_done(const Run *run) {
  return run->state.at.over || run->state.at.epoch >= run_phase(run)->epochs;
}

/* Local. The text that must not change in a run: options that make the result, and the data.
 * Owns: the caller, free(). */
char *run_result_text(const TrainInput *input);
/* Collective. Checks the options against network and data, opens the directory, and starts or
 * continues from the newest checkpoint that can be read. Errors: those of train_run. Owns: the
 * caller, run_close, also after an error. */
Err run_open(Run *run, const TrainOpts *opts);
void run_close(Run *run);

#endif
