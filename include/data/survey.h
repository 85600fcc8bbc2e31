/* What was refused in a range of rows: sums of integers over ranks that each look at their own
 * rows, so the same for any number of them. */
#ifndef DATA_SURVEY_H
#define DATA_SURVEY_H

#include "data/dataset.h"

enum { VERDICTS = JET_NEGATIVE_ENERGY + 1 };

typedef struct Survey {
  long refused[VERDICTS];   /* rows by verdict */
  long first_bad;           /* first row that is NaN or negative, -1: none */
  JetVerdict first_verdict; /* its verdict */
} Survey;

/* Count rows from .. to - 1 into the survey, by their verdicts (to - from). */
void survey_count(Survey *survey, const uint8_t *verdict, long from, long to);
/* Collective. Add up the surveys of all ranks. */
void survey_reduce(const Comm *comm, Survey *survey);
/* Collective. The survey of all rows; verdict (rows). */
Survey survey_rows(const Comm *comm, const uint8_t *verdict, long rows);
/* Say what was refused. Errors: bad rows that are not to be skipped; nothing left of `rows`. */
Err survey_judge(const Survey *survey, const char *path, long rows, BadRows bad_rows);

#endif
