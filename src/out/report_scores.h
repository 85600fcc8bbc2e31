/* The scores of a run, with what counts as signal. */
#ifndef OUT_REPORT_SCORES_H
#define OUT_REPORT_SCORES_H

#include "report_parts.h"
#include "stats.h"

typedef struct ScoredRun {
  const ReportRun *run;
  Data energy;            /* (rows) */
  signed char *is_signal; /* (rows) 1: not normal, 0, -1: unknown; NULL: no labels */
} ScoredRun;

/* Owns: the caller, scored_free. False: there are none; a message when they cannot be read. */
bool scored_read(ScoredRun *scored, const ReportRun *run);
void scored_free(ScoredRun *scored);

/* Add the histogram of the x (n) with take[i] == which (take NULL: all), as `curve` looks. Owns:
 * the plot, until scores_free_curves. */
void scores_histogram(Plot *plot, const Bins *bins, const double *x, long n,
                      const signed char *take, signed char which, Curve curve);
void scores_free_curves(Plot *plot);

/* src/out/report_confusion.c. What a cut on the energy calls normal, of what is; and two runs
 * that were trained on each other's anomalies against each other. */
void show_confusion(Page *page, const ScoredRun *scored, int n);

#endif
