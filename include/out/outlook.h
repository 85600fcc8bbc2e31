/* Where a run is and when it will be done, from its log alone: what `jetnae watch` says. */
#ifndef OUT_OUTLOOK_H
#define OUT_OUTLOOK_H

#include <stdbool.h>

#include "out/runlog.h"

/* What the configuration says. */
typedef struct Plan {
  int epochs[2];   /* of the AE and the NAE phase; 0: there is none */
  int patience[2]; /* 0: no early stop */
  long steps;      /* stop after so many in all, 0: no limit */
  long log_steps;  /* a row every so many steps */
} Plan;

typedef struct Outlook {
  long step;
  int phase;            /* 0 AE, 1 NAE */
  double epoch;         /* done in this phase, with its fraction where that is known */
  double steps_per_s;   /* over the last rows; NaN: unknown */
  double samples_per_s; /* of the last row */
  double eta_s;         /* of this phase; NaN: unknown before the first epoch is over */
  bool last_phase, finished;
} Outlook;

/* rows > 0 */
Outlook outlook_of(const RunLog *log, const Plan *plan);

#endif
