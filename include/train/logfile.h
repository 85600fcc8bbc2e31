/* log.csv: one header, one row every so many steps, flushed at once. Written by rank 0 alone; a
 * resumed run cuts it back to where its checkpoint was. Numbers are printed so that their bits
 * can be read back; the last columns, time_*, are the only ones that depend on the machine.
 *
 * Where TrainOpts.tensorboard asks for it, each row is an event for TensorBoard, too
 * (io/events.h). */
#ifndef TRAIN_LOGFILE_H
#define TRAIN_LOGFILE_H

#include "io/events.h"
#include "train/rundir.h"
#include "train/step.h"
#include "train/validate.h"

typedef struct LogFile LogFile;

/* Local, rank 0. Open and cut to `bytes` (0: new, with header). Errors: cannot write. */
Err logfile_open(LogFile **log, const Rundir *dir, const State *state, const TrainOpts *opts,
                 int64_t *bytes);
/* Append a row; validation of NaNs: none at this step. Errors: cannot write, fenced off. */
Err logfile_row(LogFile *log, const Rundir *dir, State *state, const TrainOpts *opts,
                const StepReport *report, const Validation *validation, double samples_per_s,
                double seconds);
/* Pictures for the row that comes next; NULL: none are wanted. Borrows: of the log. */
Events *logfile_events(LogFile *log);
Err logfile_sync(LogFile *log);
void logfile_close(LogFile **log);

#endif
