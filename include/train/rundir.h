/* The run directory: config.yaml, provenance.json, log.csv, model.h5, checkpoints/.
 *
 * A run epoch is published at start (checkpoints/run: a number and who holds it) and read again
 * before every rename and every row of the log: a writer that finds a newer one stops, so that a
 * requeued job's forgotten twin can not overwrite. Local functions are for rank 0. */
#ifndef TRAIN_RUNDIR_H
#define TRAIN_RUNDIR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "io/checkpoint.h"
#include "model/model.h"
#include "par/comm.h"

enum { RUNDIR_PATH = 1024, RUNDIR_CHECKPOINTS = 64 };

typedef struct Rundir {
  char out[RUNDIR_PATH];
  char holder[128]; /* what checkpoints/run says while it is ours */
  int64_t run_epoch;
  int n;                            /* checkpoints found at start, */
  int64_t step[RUNDIR_CHECKPOINTS]; /* newest first */
} Rundir;

/* Collective. Make or enter the directory. `result` is the text that must not change, compared
 * line by line with that of the run that is there. fresh: throw away what is there. Errors:
 * another configuration (the difference is shown), cannot write. */
Err rundir_open(Rundir *dir, const Comm *comm, const char *out, const char *result, bool fresh);
/* Collective. What this run is told, once it is known that it can be: `full` is config.yaml. */
Err rundir_say(const Rundir *dir, const Comm *comm, const char *full);
/* Local. Throw away the run that is in the directory, if any. */
void rundir_clear(const char *out);
/* Local. A run has begun there. */
bool rundir_begun(const char *out);
/* "out/name" */
void rundir_path(const Rundir *dir, char path[RUNDIR_PATH], const char *name);
void rundir_checkpoint(const Rundir *dir, char path[RUNDIR_PATH], int64_t step);
/* Local. Errors: a newer run holds the directory. */
Err rundir_mine(const Rundir *dir);
Fence rundir_fence(const Rundir *dir);
/* Local. Put a checkpoint that can not be read aside; keep the newest two. */
void rundir_discard(const Rundir *dir, int64_t step);
void rundir_prune(const Rundir *dir, int64_t newest);
/* Local. Replace a small file of the directory, model.h5. Errors: cannot write; for the model: a
 * newer run holds the directory. */
Err rundir_text(const Rundir *dir, const char *name, const char *text);
Err rundir_publish(const Rundir *dir, const Model *model);
/* Local. provenance.json says when the run ended, from when all is written until the directory is
 * entered again. Errors: as those of the model. */
Err rundir_end(const Rundir *dir);
/* Local. A file `stop` in the directory asks the run to stop; it is taken away. */
bool rundir_stop_file(const char *out);

#endif
