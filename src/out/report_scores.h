/* The scores of a run, with what counts as signal. */
#ifndef OUT_REPORT_SCORES_H
#define OUT_REPORT_SCORES_H

#include "report.h"

typedef struct ScoredRun {
  const ReportRun *run;
  Data energy;            /* (rows) */
  signed char *is_signal; /* (rows) 1: not normal, 0, -1: unknown; NULL: no labels */
} ScoredRun;

/* Owns: the caller, scored_free. False: there are none; a message when they cannot be read. */
bool scored_read(ScoredRun *scored, const ReportRun *run);
void scored_free(ScoredRun *scored);

#endif
