/* What a physicist wants to be told about a run before believing it, from the rows of its log: a
 * table of rules, each with a sentence. The worst rule that is broken gives the word
 * (of equally bad ones the nearest to a cause):
 *
 *   healthy    nothing is wrong that the log can tell
 *   doubtful   read why before using the model
 *   diverged   energies ran away or are not numbers
 *   frozen     the chains do not move, or are so cold that they only roll downhill
 *   collapsed  chains sit in one place, or a part of the network has died
 *   too early  fewer rows than it takes to tell
 *
 * Only what has a column is judged, whatever the objective: of negatives that no chain has moved
 * (no step size in the log) E- is no sample, and E-/E+ need not be 1; nor where chains start at
 * data (no replay in the log), as long as it is not far off.
 *
 * Rules on samplers look at medians over the last half of the rows of the NAE phase, so that
 * neither the warm-up nor a single row decides. */
#ifndef OUT_VERDICT_H
#define OUT_VERDICT_H

#include "out/runlog.h"

/* Worse is larger. */
typedef enum Grade { REMARK, DOUBT, TROUBLE } Grade;

typedef struct Finding {
  Grade grade;
  const char *word; /* "frozen" */
  char text[320];
} Finding;

enum { FINDINGS = 48 };
typedef struct Verdict {
  const char *word;
  Grade grade; /* of the worst finding; REMARK: healthy, or too early */
  int n;
  Finding finding[FINDINGS]; /* (n) */
} Verdict;

Verdict verdict_of(const RunLog *log);

#endif
