/* Time and signals. Wall time may decide when a run stops or saves, never what it computes. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>

/* Seconds since an arbitrary start, monotonic. */
double clock_now(void);
/* When the batch job that this process belongs to will be ended, on the same clock (from
 * SLURM_JOB_END_TIME, seconds since 1970); INFINITY where nothing says so. */
double clock_job_end(void);

/* Note SIGTERM, SIGUSR1 and SIGINT in a flag and nothing else; the step loop reads the flag once
 * per step and lets all ranks decide together. A second SIGINT ends the program. */
void stop_catch_signals(void);
bool stop_requested(void);

#endif
